//! What must come out.

use firedrill_core::Ppm;
use firedrill_sim::expect::{CatchPoint, Expectation, Requirement};
use firedrill_sim::spec::ConfigSpec;

use crate::file::{CatchPointFile, ExpectFile, ExpectationFile, ScenarioFile};
use crate::scalar::{Count, Duration, Scalar};

use super::context::Context;
use super::response::tool_kind;

pub(super) fn resolve(
    context: &mut Context,
    file: &ScenarioFile,
    configs: &[ConfigSpec],
) -> Vec<Expectation> {
    let stages: Vec<String> = configs
        .iter()
        .flat_map(|config| &config.plans)
        .flat_map(|plan| &plan.plan.stages)
        .map(|stage| stage.name.clone())
        .collect();
    let posts = file.status_posts.as_ref();
    if posts.is_none_or(|posts| posts.value.public.is_none()) {
        let told = |line: &ExpectFile| line.value.users_told_within.is_some();
        for line in file.expect.iter().filter(|line| told(line)) {
            let message = "users are told nothing, so this cannot fail";
            context.report("scenario::untold", line.place, message, |problem| {
                problem
                    .label("`users-told-within` without posts for users")
                    .help("add `status-posts: {public: {}}`, or leave this out")
            });
        }
    }
    let lines = file.expect.iter();
    lines
        .filter_map(|line| resolve_line(context, line, &stages))
        .collect()
}

fn resolve_line(
    context: &mut Context,
    file: &ExpectFile,
    stages: &[String],
) -> Option<Expectation> {
    let mut found = requirements(context, &file.value, stages);
    if found.len() != 1 {
        let message = match found.len() {
            0 => "an expectation requires nothing".into(),
            n => format!("an expectation requires {n} things at once"),
        };
        context.report("scenario::expectation", file.place, message, |problem| {
            problem
                .label("expected exactly one requirement, and `rate` if you like")
                .help(
                    "write one list item for each of `caught-by`, `time-to-detect-at-most`, \
                     `time-to-mitigate-at-most`, `mitigated`, `acknowledged-within`, \
                     `users-told-within`, `rollback-adopted-within`, `exposure-at-most`, \
                     `pages-at-most`, \
                     `alerts-at-least`, `incidents-at-most`, `suspect-rank-at-most`, \
                     `teams-paged-at-least`, `hands-over`, `reaches-full`, `breaches-slo`, `harms-users`, \
                     `action-works`, `action-fails`",
                )
        });
        return None;
    }
    let rate = file.value.rate.as_ref();
    Some(Expectation {
        requirement: found.remove(0),
        rate: rate.map_or(Ppm::ONE, |rate| {
            context.read(rate, "the rate of an expectation")
        }),
        line: file.place.line,
    })
}

fn requirements(
    context: &mut Context,
    file: &ExpectationFile,
    stages: &[String],
) -> Vec<Requirement> {
    let caught = file.caught_by.as_ref();
    let caught = caught.map(|point| Requirement::CaughtBy(catch_point(context, point, stages)));
    let mut time = |scalar: &Option<Scalar<Duration>>, what: &str| {
        let scalar = scalar.as_ref();
        scalar.map(|scalar| context.read(scalar, what))
    };
    let detect = time(&file.time_to_detect_at_most, "the most time to detect");
    let mitigate = time(&file.time_to_mitigate_at_most, "the most time to mitigate");
    let acknowledged = time(&file.acknowledged_within, "the most time to acknowledge");
    let told = time(
        &file.users_told_within,
        "the most time until users are told",
    );
    let adopted = time(&file.rollback_adopted_within, "the most time of a rollback");
    let mitigated = file.mitigated.map(Requirement::Mitigated);
    let exposure = file.exposure_at_most.as_ref();
    let exposure =
        exposure.map(|limit| Requirement::ExposureAtMost(context.read(limit, "the most exposure")));
    let pages = file.pages_at_most.as_ref();
    let pages = pages.map(|limit| Requirement::PagesAtMost(context.read(limit, "the most pages")));
    let teams = file.teams_paged_at_least.as_ref();
    let teams =
        teams.map(|least| Requirement::TeamsPagedAtLeast(context.read(least, "the least teams")));
    let hands = file.hands_over.map(Requirement::HandsOver);
    let mut count = |scalar: &Option<Scalar<Count>>, what: &str| {
        let scalar = scalar.as_ref();
        scalar.map(|scalar| context.read(scalar, what))
    };
    let alerts = count(&file.alerts_at_least, "the fewest alerts");
    let incidents = count(&file.incidents_at_most, "the most incidents");
    let rank = count(
        &file.suspect_rank_at_most,
        "the highest rank of the suspect",
    );
    let full = file.reaches_full.map(Requirement::ReachesFull);
    let breaches = file.breaches_slo.map(Requirement::BreachesSlo);
    let harms = file.harms_users.map(Requirement::HarmsUsers);
    let works = file.action_works.map(tool_kind);
    let works = works.map(Requirement::ActionWorks);
    let fails = file.action_fails.map(tool_kind);
    let fails = fails.map(Requirement::ActionFails);
    [
        caught,
        detect.map(Requirement::TimeToDetectAtMost),
        mitigate.map(Requirement::TimeToMitigateAtMost),
        mitigated,
        acknowledged.map(Requirement::AcknowledgedWithin),
        told.map(Requirement::UsersToldWithin),
        adopted.map(Requirement::RollbackAdoptedWithin),
        exposure,
        pages,
        alerts.map(Requirement::AlertsAtLeast),
        incidents.map(Requirement::IncidentsAtMost),
        rank.map(Requirement::SuspectRankAtMost),
        teams,
        hands,
        full,
        breaches,
        harms,
        works,
        fails,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn catch_point(context: &mut Context, file: &CatchPointFile, stages: &[String]) -> CatchPoint {
    match file {
        CatchPointFile::Validation => CatchPoint::Validation,
        CatchPointFile::Review => CatchPoint::Review,
        CatchPointFile::Canary => CatchPoint::Canary,
        CatchPointFile::Wave => CatchPoint::Wave,
        CatchPointFile::SloAlert => CatchPoint::SloAlert,
        CatchPointFile::SymptomAlert => CatchPoint::SymptomAlert,
        CatchPointFile::Users => CatchPoint::Users,
        CatchPointFile::NoData => CatchPoint::NoData,
        CatchPointFile::Nobody => CatchPoint::Nobody,
        CatchPointFile::Stage(name) => {
            if !stages.is_empty() && !stages.contains(&name.text) {
                let known = stages.iter().map(String::as_str);
                context.unknown("stage", "an expectation", name, known, "by a plan in use");
            }
            CatchPoint::Stage(name.text.clone())
        }
    }
}
