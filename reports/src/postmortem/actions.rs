//! What to change, from what the layers missed and why. Each item says when it is done: a test
//! that another rehearsal of the same seed can make.

use firedrill_core::health::{Outcome, Verdict};
use firedrill_core::rollout::{Audience, Reaction, StageKind};
use firedrill_sim::measure::{Catcher, Span};
use firedrill_sim::spec::Symptom;

use crate::words;

use super::change::on_alert;
use super::defect;
use super::facts::{ChangeFacts, DefectFacts, Facts, StageFacts};
use super::model::{ActionItem, Category, Source};
use super::timeline;

/// The action items, most useful first: what stops the class of defect before users meet it,
/// what notices it sooner, what ends it sooner, what teaches.
pub(super) fn write(facts: &Facts<'_>) -> Vec<ActionItem> {
    let mut draft = Draft {
        facts,
        items: Vec::new(),
    };
    match &facts.change {
        Some(change) if change.defect.is_some() => {
            draft.canary();
            draft.validation(change);
            draft.mechanism();
            draft.bake();
            draft.alert();
            draft.mitigation(change);
            draft.stragglers();
            draft.training();
        }
        Some(_) if facts.measures().false_rollback || facts.measures().pages > 0 => {
            draft.false_alarm();
        }
        Some(_) | None => {}
    }
    draft.items
}

struct Draft<'a> {
    facts: &'a Facts<'a>,
    items: Vec<ActionItem>,
}

impl Draft<'_> {
    fn add(
        &mut self,
        category: Category,
        (layer, owner): (&str, &str),
        title: String,
        reason: String,
        done_when: String,
        source: Source,
    ) {
        let id = format!("A{}", self.items.len() + 1);
        self.items.push(ActionItem {
            id,
            title,
            category,
            layer: layer.into(),
            reason,
            owner_role: owner.into(),
            done_when,
            source,
        });
    }

    fn replay(&self, outcome: &str) -> String {
        format!(
            "`{}` shows that {outcome}, and the scenarios with sound changes still reach 100 %.",
            super::header::command(self.facts)
        )
    }

    /// A canary that could not see the defect gets what it needs to see it.
    fn canary(&mut self) {
        let facts = self.facts;
        let missed = facts
            .stages
            .iter()
            .find(|stage| stage.kind == StageKind::Canary && stage.promoted());
        let (Some(stage), Some(defect)) = (missed, facts.defect()) else {
            return;
        };
        let Some((event, verdict)) = stage.deciding() else {
            return;
        };
        let source = Source::events(
            [Some(event.seq), stage.truth().map(|(event, _)| event.seq)]
                .into_iter()
                .flatten(),
        );
        let veils = defect::veils(facts, stage);
        let gap = check_gap(facts, stage, verdict, &defect, veils.is_empty());
        let lifted = veils.into_iter().map(|veil| (veil.remedy, veil.reason));
        for (title, reason) in lifted.chain(gap) {
            let done = self.replay(&format!("canary `{}` stops the change", stage.name));
            self.add(
                Category::Detection,
                ("canary", "release engineering"),
                title,
                reason,
                done,
                source.clone(),
            );
        }
        self.audience(stage);
    }

    /// A canary that serves employees only meets users' requests too.
    fn audience(&mut self, stage: &StageFacts<'_>) {
        if stage
            .spec
            .is_some_and(|spec| spec.audience == Audience::Employees)
        {
            let done = format!(
                "The plan's canary serves requests of every class at the rate that its checks ask \
                 for, before the first wave: {}",
                self.replay("no wave begins")
            );
            self.add(
                Category::Detection,
                ("canary", "release engineering"),
                format!(
                    "Give canary `{}` a share of user requests, or synthetic ones of every class",
                    stage.name
                ),
                "The canary serves employees only and does not see what users send.".into(),
                done,
                stage.entered.map(Source::event).unwrap_or_default(),
            );
        }
    }

    /// Validation learns the class of mistake.
    fn validation(&mut self, change: &ChangeFacts<'_>) {
        if self.facts.measures().caught_by == Catcher::Validation {
            return;
        }
        let config = self.facts.config(change.config);
        let keys: Vec<String> = change.spec.map_or_else(Vec::new, |spec| {
            let keys = spec.edits.iter().map(|edit| format!("`{}`", edit.key));
            keys.collect()
        });
        let done = format!(
            "Proposing the same values again is refused with a reason that names the rule: {}",
            self.replay("validation stops the change")
        );
        let beside = change.defect.and_then(|defect| defect::beside(&defect));
        let together = beside.map_or_else(String::new, |beside| format!(" together with {beside}"));
        self.add(
            Category::Prevention,
            ("validation", "owner of the config"),
            format!(
                "Add a validation rule to `{config}` that refuses such values of {}{together}",
                words::list(&keys)
            ),
            "Validation knows types and ranges, and not what the values do together.".into(),
            done,
            change.validated.map(Source::event).unwrap_or_default(),
        );
    }

    /// What helps against this mechanism in particular, once it ran anywhere.
    fn mechanism(&mut self) {
        let facts = self.facts;
        let Some(defect) = facts.defect() else {
            return;
        };
        if facts.measures().instances_exposed == 0 {
            return;
        }
        let harmed = facts.measures().harmed;
        let advice = defect::tell(facts, &defect).advice.into_iter();
        // Nobody has to see sooner what was seen before it harmed anybody.
        for advice in advice.filter(|one| harmed || one.category != Category::Detection) {
            let done = self.replay(&advice.shows);
            self.add(
                advice.category,
                advice.place,
                advice.title,
                advice.reason,
                done,
                Source::event(defect.event),
            );
        }
    }

    /// A plan that is faster than the alert that guards it is slowed down.
    fn bake(&mut self) {
        let anchors = self.facts.anchors();
        let (Some(started), Some(done), Some(alert)) = (
            anchors.rollout_started,
            anchors.completed,
            anchors.alert_fired,
        ) else {
            return;
        };
        if done.at >= alert.at {
            return;
        }
        let from = anchors.harm_started.unwrap_or(started);
        let done_when = self.replay("the alert fires before the last wave begins");
        self.add(
            Category::Mitigation,
            ("rollout", "release engineering"),
            format!(
                "Bake at least one wave below 100 % for longer than {}",
                words::time(alert.at - from.at)
            ),
            format!(
                "The rollout was complete {} before the alert fired.",
                words::time(alert.at - done.at)
            ),
            done_when,
            Source::anchors([anchors.completed, anchors.alert_fired]),
        );
    }

    /// Harm that was noticed late, or never.
    fn alert(&mut self) {
        let facts = self.facts;
        let anchors = facts.anchors();
        let worst = facts
            .measures()
            .budget
            .iter()
            .max_by_key(|budget| budget.burned);
        let Some(worst) = worst.filter(|worst| worst.harmed > 0) else {
            return;
        };
        let (title, reason) = match (facts.measures().time_to_detect, &facts.measures().caught_by) {
            (Span::Never, _) => (
                format!(
                    "Alert on `{}` with a rule that this harm would fire",
                    worst.name
                ),
                "Users were harmed and no alert fired.".to_owned(),
            ),
            (Span::Took(took), Catcher::SloAlert { slo }) => (
                format!("Add a faster paging rule to `{slo}` for steep losses"),
                format!(
                    "The alert fired {} after the first harmed request.",
                    words::time(took)
                ),
            ),
            (Span::Took(_) | Span::NotApplicable, _) => return,
        };
        let done = format!(
            "{} The false-alarm count over the sound scenarios does not grow.",
            self.replay("the time to detect is at most half of this run's")
        );
        self.add(
            Category::Detection,
            ("alerting", "site reliability"),
            title,
            reason,
            done,
            Source::anchors([anchors.harm_started, anchors.alert_fired]),
        );
    }

    /// Going back without waiting for a person.
    fn mitigation(&mut self, change: &ChangeFacts<'_>) {
        let facts = self.facts;
        let anchors = facts.anchors();
        let harm = anchors.harm_started;
        let by_hand = super::response::rollback_order(facts).is_some();
        let waits = on_alert(facts, change) != Some(Reaction::RollBack);
        if let (true, true, Some(harm), Some(alert), Some(back)) = (
            by_hand,
            waits,
            harm,
            anchors.alert_fired,
            anchors.rollback_started,
        ) {
            let done = self.replay("the rollback starts by itself within a minute of the alert");
            self.add(
                Category::Mitigation,
                ("rollback", "site reliability"),
                "Let a paging alert roll the suspected change back by itself, during its rollout \
                 and for a while after it"
                    .into(),
                format!(
                    "Of the {} from first harm to rollback, {} passed after the alert had fired.",
                    words::time(back.at - harm.at),
                    words::time(back.at - alert.at)
                ),
                done,
                Source::anchors([anchors.alert_fired, anchors.rollback_started]),
            );
        }
        if anchors.rollback_started.is_none() && facts.measures().harmed {
            let done = self.replay("the time to mitigate is not `never`");
            self.add(
                Category::Mitigation,
                ("rollback", "site reliability"),
                "Give every stage that may pause a way back that needs no decision".into(),
                "Users were harmed and nothing took the change back.".into(),
                done,
                Source::anchors([harm]),
            );
        }
    }

    /// Instances that the rollback could not reach.
    fn stragglers(&mut self) {
        let anchors = self.facts.anchors();
        let (Some(back), Some(clean)) = (anchors.rollback_completed, anchors.recovered) else {
            return;
        };
        if clean.at <= back.at || !self.facts.left_behind() {
            return;
        }
        let done = self.replay("the fleet is clean within a minute of the rollback's completion");
        self.add(
            Category::Mitigation,
            ("distribution", "release engineering"),
            "Take instances that a rollback cannot reach out of service until they report again"
                .into(),
            format!(
                "The fleet was clean only {} after the rollback reported completion.",
                words::time(clean.at - back.at)
            ),
            done,
            Source::anchors([anchors.rollback_completed, anchors.recovered]),
        );
    }

    /// What a person had to find out under pressure is written down.
    fn training(&mut self) {
        let facts = self.facts;
        let anchors = facts.anchors();
        let (Some(acknowledged), Some(back)) = (anchors.acknowledged, anchors.rollback_started)
        else {
            return;
        };
        let Catcher::SloAlert { slo } = &facts.measures().caught_by else {
            return;
        };
        if back.at <= acknowledged.at {
            return;
        }
        let done = format!(
            "The page links the entry, and in a game day of `{}` the on-call role goes from \
             acknowledgement to rollback in half of {}.",
            facts.scenario.name,
            words::time(back.at - acknowledged.at)
        );
        self.add(
            Category::DocumentationTraining,
            ("people", "site reliability"),
            format!("Write the runbook entry of the alert on `{slo}` and practise it"),
            format!(
                "{} passed between acknowledgement and rollback.",
                words::time(back.at - acknowledged.at)
            ),
            done,
            Source::anchors([anchors.acknowledged, anchors.rollback_started]),
        );
    }

    /// A guard that spoke without reason.
    fn false_alarm(&mut self) {
        let anchors = self.facts.anchors();
        let done = format!(
            "`{}` reaches 100 % without a page, and every scenario with a defect is still caught.",
            super::header::command(self.facts)
        );
        self.add(
            Category::Detection,
            ("alerting", "site reliability"),
            "Make the guard that spoke here tell noise from harm".into(),
            "A change with nothing wrong in it cost a page or was taken back.".into(),
            done,
            Source::anchors([anchors.first_signal, anchors.rollback_started]),
        );
    }
}

/// What the checks of a canary lacked: what to do, and why.
fn check_gap(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    defect: &DefectFacts<'_>,
    in_sight: bool,
) -> Option<(String, String)> {
    if defect::relevant_check(facts, defect, verdict).is_none() {
        return Some(no_check(facts, stage, defect));
    }
    if defect.mechanism.class().is_some() {
        return class_gap(facts, stage, verdict, defect);
    }
    match defect.mechanism.symptom() {
        // A better look at the changed service would not help.
        Symptom::Downstream => None,
        Symptom::Errors
        | Symptom::Latency
        | Symptom::Availability
        | Symptom::Saturation
        | Symptom::Business
        | Symptom::Silence => in_sight
            .then(|| limit_gap(facts, stage, verdict, defect))
            .flatten(),
    }
}

/// A canary whose checks all look elsewhere.
fn no_check(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    defect: &DefectFacts<'_>,
) -> (String, String) {
    let places = defect::places(defect::tell(facts, defect).shows);
    let class = defect.mechanism.class();
    let of = class.map_or_else(String::new, |class| {
        format!(" of class `{}`", facts.class(class))
    });
    (
        format!("Give canary `{}` a check of {places}{of}", stage.name),
        format!("None of its checks looks at {places}, where the defect shows."),
    )
}

/// What a canary lacked to see a defect of one class of requests.
fn class_gap(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    defect: &DefectFacts<'_>,
) -> Option<(String, String)> {
    let class = facts.class(defect.mechanism.class()?);
    let shows = defect::tell(facts, defect).shows.first()?;
    let truth = stage.truth().map(|(_, truth)| truth);
    let hit = truth.map_or(0, |truth| truth.hit_class_requests);
    let asked = verdict
        .checks
        .iter()
        .filter(|check| defect::sees(facts, defect, check.signal))
        .map(|check| check.sample_min)
        .max()
        .unwrap_or(0);
    let sample = if hit < asked {
        format!(
            " and enough requests of it ({} asked for)",
            words::count(asked)
        )
    } else {
        String::new()
    };
    Some((
        format!(
            "Give canary `{}` {} check of class `{class}` by itself{sample}",
            stage.name,
            shows.with_article()
        ),
        format!(
            "{} of the canary's {} were of the class that the defect hits: lost in the total.",
            words::count(hit),
            words::counted(truth.map_or(0, |truth| truth.requests), "request")
        ),
    ))
}

/// What a canary lacked to see a defect of every request.
fn limit_gap(
    facts: &Facts<'_>,
    stage: &StageFacts<'_>,
    verdict: &Verdict,
    defect: &DefectFacts<'_>,
) -> Option<(String, String)> {
    let check = defect::relevant_check(facts, defect, verdict)?;
    let (value, limit) = timeline::value_and_limit(check);
    let name = timeline::signal(facts, check.signal);
    let outcome = match check.outcome {
        Outcome::Pass => "passed",
        Outcome::Fail | Outcome::Inconclusive | Outcome::NoData(_) => "did not decide",
    };
    Some((
        format!(
            "Judge the {name} of canary `{}` against its control instead of a wide limit, at a \
             load that users cause",
            stage.name
        ),
        format!("Its check {outcome} with {value}, under a limit of {limit}."),
    ))
}
