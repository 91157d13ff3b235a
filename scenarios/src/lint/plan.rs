//! Rules for rollout policies.

use firedrill_core::rollout::Share;
use firedrill_core::{Micros, Ppm};

use crate::file::{PlanFile, ReactionFile, StageFile};

use super::{Report, Surroundings, stage};

pub(super) fn lint(report: &mut Report<'_>, file: &PlanFile, around: &Surroundings) {
    let check_every = report.read(&file.check_every);
    let hold_max = report.read(&file.hold_max);
    let _ = (report.read(&file.settled), report.read(&file.push_deadline));
    if check_every == Micros::ZERO {
        let message = "the judge is never asked, so no stage ever ends".into();
        report.error(
            "lint::never-ends",
            file.check_every.place,
            message,
            "ask it every `30s`",
        );
    } else if hold_max < check_every {
        let message = "a stage that waits for a verdict pauses before the judge is asked again";
        let help = "make `hold-max` several times `check-every`";
        report.warning(
            "lint::hold-too-short",
            file.hold_max.place,
            message.into(),
            help,
        );
    }
    let mut widest = None;
    for stage in &file.stages.value {
        stage::lint(report, stage, around);
        widest = not_wider(report, stage, widest);
    }
    ends(report, file);
}

/// The last stage must reach everybody, and some failure must have a consequence.
fn ends(report: &mut Report<'_>, file: &PlanFile) {
    let Some(last) = file.stages.value.last() else {
        let message = "there is no stage, so nothing is ever rolled out".into();
        report.error(
            "lint::never-ends",
            file.stages.place,
            message,
            "add a stage of `100 %`",
        );
        return;
    };
    if !is_whole(report, last) {
        let message = format!(
            "the last stage, `{}`, does not reach everybody",
            last.name.text
        );
        let help = "end the plan with a stage of `100 %` in all regions";
        report.error("lint::never-ends", last.share.place, message, help);
    }
    let ignored = |stage: &StageFile| matches!(stage.on_failure, ReactionFile::Ignore);
    if file.stages.value.iter().all(ignored) {
        let message = "no failure of any stage has a consequence".into();
        let help = "give a stage `on-failure: roll-back` or `pause`";
        report.error("lint::never-fails", file.stages.place, message, help);
    }
}

/// Whether a stage reaches every instance.
pub(super) fn is_whole(report: &mut Report<'_>, stage: &StageFile) -> bool {
    stage.regions.is_empty() && report.read(&stage.share) == Share::Ppm(Ppm::ONE)
}

/// A stage in all regions that is no wider than the one before adds nobody.
fn not_wider(report: &mut Report<'_>, stage: &StageFile, widest: Option<Ppm>) -> Option<Ppm> {
    let Share::Ppm(share) = report.read(&stage.share) else {
        return widest;
    };
    if !stage.regions.is_empty() {
        return widest;
    }
    if widest.is_some_and(|before| share <= before) {
        let message = format!("stage `{}` reaches nobody new", stage.name.text);
        let help = "make each stage wider than those before";
        report.warning("lint::stage-not-wider", stage.share.place, message, help);
    }
    widest.max(Some(share))
}
