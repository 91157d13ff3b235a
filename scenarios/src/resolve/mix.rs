//! Mixes of defects: the ones that changes name, of this file or of the catalogue.

use firedrill_core::ids::ServiceId;
use firedrill_sim::spec::{DefectMix, MixPart};

use crate::catalogue;
use crate::file::{ChangeFile, MixFile, MixPartFile, ScenarioFile};
use crate::place::At;
use crate::problem::Source;
use crate::yaml;

use super::Section;
use super::change::title;
use super::context::Context;
use super::defect::{self, Bearer, End};

/// The mix of a change, read for the service and the config that it changes.
pub(super) fn resolve(
    context: &mut Context,
    file: &ScenarioFile,
    change: &ChangeFile,
    bearer: &Bearer<'_>,
) -> Option<DefectMix> {
    let wanted = change.mix.as_ref()?;
    if change.defect.is_some() {
        context.report(
            "scenario::defect-and-mix",
            wanted.place,
            format!("{} has a defect and a mix of them", title(change)),
            |problem| {
                problem
                    .label("beside `defect`")
                    .help("leave one of the two out")
            },
        );
        return None;
    }
    if let Some(own) = file.mixes.iter().find(|mix| mix.name.text == wanted.text) {
        return Some(resolve_mix(context, own, bearer));
    }
    let Some(preset) = catalogue::mix(&wanted.text) else {
        let own = file.mixes.iter().map(|mix| mix.name.text.as_str());
        let known = own.chain(catalogue::mixes().map(|entry| entry.name));
        let owner = "in this file or the catalogue";
        context.unknown("mix", &title(change), wanted, known, owner);
        return None;
    };
    let source = Source::new(&preset.file_name(), preset.source);
    match yaml::read::<MixFile>(&source) {
        Ok(mix) => {
            let section = Section {
                source: context.add_source(source),
                value: &mix,
            };
            Some(context.within(&section, |context, mix| resolve_mix(context, mix, bearer)))
        }
        Err(problem) => {
            context.push(*problem);
            None
        }
    }
}

fn resolve_mix(context: &mut Context, file: &MixFile, bearer: &Bearer<'_>) -> DefectMix {
    let At {
        value: parts,
        place,
    } = &file.parts;
    if parts.is_empty() {
        context.report(
            "scenario::empty-mix",
            *place,
            format!("mix `{}` has no part to draw", file.name.text),
            |problem| {
                problem
                    .label("expected at least one part")
                    .help("list what may be wrong, each with its weight and its defect")
            },
        );
    }
    let parts = parts.iter();
    DefectMix {
        name: file.name.text.clone(),
        basis: context.read(&file.basis, "the basis of a mix"),
        parts: parts
            .flat_map(|part| resolve_part(context, part, bearer))
            .collect(),
    }
}

/// A part, or one for each service that may suffer where the file leaves that to chance.
fn resolve_part(context: &mut Context, file: &MixPartFile, bearer: &Bearer<'_>) -> Vec<MixPart> {
    let weight = weight_of(context, file);
    let kind = file.kind.as_ref();
    let kind = kind.map(|kind| context.read(kind, "the kind of a defect"));
    let victims: Vec<Option<ServiceId>> = match defect::downstream_of(&file.defect.mechanism) {
        Some(None) => called(context, file, bearer)
            .into_iter()
            .map(Some)
            .collect(),
        Some(Some(_)) | None => vec![None],
    };
    let each = weight / victims.len().max(1) as f64;
    let part = |victim: Option<ServiceId>| {
        let mut at = |end| defect::resolve_end(context, &file.defect, bearer, end, victim);
        let (low, high) = (at(End::Low), at(End::High));
        MixPart {
            kind: kind
                .clone()
                .unwrap_or_else(|| low.mechanism.name().replace(' ', "-")),
            weight: each,
            low,
            high,
        }
    };
    victims.into_iter().map(part).collect()
}

fn weight_of(context: &mut Context, file: &MixPartFile) -> f64 {
    const WEIGHT_MAX: f64 = 1e6;
    let what = "the weight of a part";
    let weight = context.read(&file.weight, what);
    if !(weight > 0.0 && weight <= WEIGHT_MAX) {
        context.out_of_range(&file.weight, what, "more than 0, to 1000000");
    }
    weight
}

/// The services that may suffer: all that the changed one calls.
fn called(context: &mut Context, file: &MixPartFile, bearer: &Bearer<'_>) -> Vec<ServiceId> {
    let called = defect::called_by(&bearer.world.fleet, bearer.service);
    if called.is_empty() {
        let mut services = bearer.world.services.iter();
        let caller = services.nth(bearer.service.index()).unwrap_or("");
        context.report(
            "scenario::not-called",
            file.weight.place,
            format!("a part of the mix hits a service that `{caller}` calls, and it calls none"),
            |problem| {
                problem
                    .label("the part with this weight")
                    .help(format!("use a mix whose parts all hurt `{caller}` itself"))
            },
        );
    }
    called.into_iter().collect()
}
