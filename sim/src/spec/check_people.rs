//! What must hold of the people on call.

use firedrill_core::Micros;

use super::check::within;
use super::{HandOver, LogNormal, Responders, Scenario, Searching, Site, SpecError};

impl Scenario {
    pub(super) fn check_people(&self) -> Result<(), SpecError> {
        self.on_call.model.as_deref().map_or(Ok(()), check)
    }
}

fn check(model: &Responders) -> Result<(), SpecError> {
    check_site(&model.site)?;
    let acknowledging = &model.acknowledging;
    within(
        "the sigma of acknowledging".into(),
        acknowledging.sigma,
        0.0,
        3.0,
    )?;
    for factor in acknowledging.by_severity {
        within(
            "a severity's factor of acknowledging".into(),
            factor,
            0.0,
            1e3,
        )?;
    }
    within(
        "the tiredness of a page".into(),
        acknowledging.tired_by,
        0.0,
        1e3,
    )?;
    let most = acknowledging.tired_at_most;
    within("the most tiredness".into(), most, 1.0, 1e3)?;
    share("the share of pages always answered", model.trust.floor)?;
    share("the weight of the newest page", model.trust.newest)?;
    share("the trust at first", model.trust.at_first)?;
    share(
        "what an open page leaves of an answer",
        model.trust.per_open_page,
    )?;
    check_search(&model.searching)?;
    let hesitating = &model.hesitating;
    within("the sigma of hesitating".into(), hesitating.sigma, 0.0, 3.0)?;
    share("what one click leaves of hesitating", hesitating.one_click)?;
    share(
        "what a policy leaves of hesitating",
        hesitating.roll_back_first,
    )?;
    share("the share of overridden alarms", hesitating.overrides)?;
    check_hand_over(&model.hand_over)
}

fn check_site(site: &Site) -> Result<(), SpecError> {
    let offset = site.utc_offset_s as f64;
    within(
        "the offset of the site (s)".into(),
        offset,
        -50_400.0,
        50_400.0,
    )?;
    let day = Micros::from_hours(24);
    if [site.night_from, site.night_to, site.shift_ends]
        .iter()
        .any(|time| *time >= day)
    {
        return Err(SpecError::Times("a time of day is before midnight"));
    }
    if site.shift_length < Micros::from_hours(1) || site.shift_length > Micros::from_hours(168) {
        return Err(SpecError::Times("a shift lasts from an hour to a week"));
    }
    Ok(())
}

fn check_search(searching: &Searching) -> Result<(), SpecError> {
    spread("finding one's bearings", searching.orientation)?;
    spread("a look", searching.look)?;
    share(
        "the chance to be convinced wrongly",
        searching.convinced_wrongly,
    )?;
    share("the chance to overlook", searching.overlooked)?;
    within("the cost of an alert".into(), searching.per_alert, 0.0, 1e3)?;
    within(
        "the cost of an incident".into(),
        searching.per_incident,
        0.0,
        1e3,
    )?;
    within("the cost of blindness".into(), searching.blind, 1.0, 1e3)
}

fn check_hand_over(hand_over: &HandOver) -> Result<(), SpecError> {
    spread("telling the next shift", hand_over.telling)?;
    spread("escalating", hand_over.escalating)?;
    spread("noticing", hand_over.noticing)?;
    share("the chance to forget", hand_over.forgotten)?;
    share("what an expert keeps of errors", hand_over.expert)?;
    let people = f64::from(hand_over.people_max);
    within("the number of people".into(), people, 1.0, 16.0)
}

fn share(what: &str, value: f64) -> Result<(), SpecError> {
    within(what.into(), value, 0.0, 1.0)
}

fn spread(what: &str, time: LogNormal) -> Result<(), SpecError> {
    within(format!("the sigma of {what}"), time.sigma, 0.0, 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_every_broken_number_is_named() {
        assert_eq!(check(&Responders::default()), Ok(()));
        type Break = fn(&mut Responders);
        let cases: [(&str, Break); 8] = [
            ("sigma of acknowledging", |m| m.acknowledging.sigma = 4.0),
            ("always answered", |m| m.trust.floor = 1.1),
            ("open page", |m| m.trust.per_open_page = f64::NAN),
            ("overlook", |m| m.searching.overlooked = -0.1),
            ("sigma of a look", |m| m.searching.look.sigma = 9.0),
            ("blindness", |m| m.searching.blind = 0.5),
            ("overridden", |m| m.hesitating.overrides = 2.0),
            ("number of people", |m| m.hand_over.people_max = 0),
        ];
        for (named, breaks) in cases {
            let mut model = Responders::default();
            breaks(&mut model);
            let error = check(&model).expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
        let mut model = Responders::default();
        model.site.shift_length = Micros::ZERO;
        assert!(matches!(check(&model), Err(SpecError::Times(_))));
    }
}
