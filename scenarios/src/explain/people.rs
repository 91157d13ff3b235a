//! Whoever is on call, in plain words.

use std::fmt::Write;

use firedrill_core::remediation::AutomationMode;
use firedrill_sim::spec::{NoiseLevel, OnCall, Responders, ResponsePolicy, RollbackTool, Scenario};

use firedrill_sim::words::counted;

use super::{item, share, span, typical};

pub(super) fn write(out: &mut String, scenario: &Scenario) -> std::fmt::Result {
    let on_call = &scenario.on_call;
    let paging = &scenario.core.paging;
    let window = span(scenario.core.suspect_window);
    writeln!(out, "People")?;
    let does = on_call.model.as_deref().map_or_else(
        || plain(on_call, &window),
        |model| by_model(on_call, model, &window),
    );
    let text = format!(
        "{does} A page unanswered for {} is sent again, {} in all.",
        span(paging.acknowledge_within),
        counted(u64::from(paging.pages_max), "page"),
    );
    item(out, &text)?;
    if let Some(text) = automation(scenario.core.automation) {
        item(out, text)?;
    }
    writeln!(out)
}

/// What waits for them; nothing where automation acts by itself.
const fn automation(mode: AutomationMode) -> Option<&'static str> {
    match mode {
        AutomationMode::Off => Some(
            "Nothing is rolled back without them: a rollout that should go back pauses, and they \
             are paged.",
        ),
        AutomationMode::Suggest => Some(
            "Nothing is rolled back without them: a rollout that should go back pauses, and they \
             are paged with the proposal.",
        ),
        AutomationMode::AutomaticForCanary => Some(
            "Canaries are rolled back without them; a wave that should go back pauses, and they \
             are paged with the proposal.",
        ),
        AutomationMode::AutomaticForAll => None,
    }
}

fn plain(on_call: &OnCall, window: &str) -> String {
    format!(
        "{} ({}) is on call: answers a page in {}, then needs {} to find the cause, and rolls \
         back the likeliest change of the last {window} by hand.",
        on_call.principal.name,
        on_call.principal.role,
        typical(&on_call.acknowledge),
        typical(&on_call.diagnose),
    )
}

fn by_model(on_call: &OnCall, model: &Responders, window: &str) -> String {
    let (acknowledging, searching) = (&model.acknowledging, &model.searching);
    let noise = match model.noise {
        NoiseLevel::Low => "every second page",
        NoiseLevel::Typical => "nine pages of ten",
        NoiseLevel::Storm => "forty-nine pages of fifty",
    };
    let told = match model.hesitating.policy {
        ResponsePolicy::RollBackFirst => ", and are told to roll back first",
        ResponsePolicy::UnderstandFirst => "",
    };
    let tool = match model.hesitating.tool {
        RollbackTool::OneClick => "one click",
        RollbackTool::ByHand => "hand",
    };
    format!(
        "{} ({}) is on call and no machine: answers a page in {} by day and {} at night (medians \
         of the rested), later or not at all after many pages that need nobody, which here are \
         {noise}. Looks at the changes of the last {window} one by one, for {} each; takes an \
         innocent one for guilty in {} of looks, and overlooks the guilty one in {}. Rolls back \
         by {tool} what seems guilty, and searches on when that does not help. Up to {} look{told}.",
        on_call.principal.name,
        on_call.principal.role,
        span(acknowledging.day),
        span(acknowledging.night),
        typical(&searching.look),
        share(searching.convinced_wrongly),
        share(searching.overlooked),
        people(model.hand_over.people_max),
    )
}

fn people(count: u32) -> String {
    if count == 1 {
        "one person".into()
    } else {
        format!("{count} people")
    }
}
