//! A mix of defects, as a whole and as one seed draws from it.

use firedrill_core::Ppm;
use firedrill_sim::engine::drawn_defects;
use firedrill_sim::spec::{DefectMix, MixPart, Scenario};

use super::{counted, defect, item};

/// Every part with its share, kind by kind in the order of the mix.
pub(super) fn write(out: &mut String, scenario: &Scenario, mix: &DefectMix) -> std::fmt::Result {
    let text = format!(
        "What nobody in the run knows: each seed draws what is wrong with it from the mix `{}`, \
         which has {}. {}",
        mix.name,
        counted(mix.parts.len() as u64, "part"),
        mix.basis
    );
    item(out, &text)?;
    let mut kinds: Vec<&str> = Vec::new();
    for part in &mix.parts {
        if !kinds.contains(&part.kind.as_str()) {
            kinds.push(&part.kind);
        }
    }
    for kind in kinds {
        let own = || mix.parts.iter().filter(|part| part.kind == kind);
        let all: f64 = own().map(|part| part.weight).sum();
        item(
            out,
            &format!("`{kind}`, in {} of seeds:", rounded(mix, all)),
        )?;
        for part in own() {
            write_part(out, scenario, mix, part)?;
        }
    }
    Ok(())
}

fn write_part(
    out: &mut String,
    scenario: &Scenario,
    mix: &DefectMix,
    part: &MixPart,
) -> std::fmt::Result {
    let effect = defect::describe_range(scenario, &part.low, &part.high);
    let share = rounded(mix, part.weight);
    super::wrap(
        out,
        "    ",
        "      ",
        &format!("{share}: {} {effect}", part.low.story),
    )
}

/// A share of seeds, to a tenth of a percent.
fn rounded(mix: &DefectMix, weight: f64) -> Ppm {
    const TENTH: u32 = 1_000;
    let share = Ppm::from_f64(mix.share(weight)).0;
    Ppm((share + TENTH / 2) / TENTH * TENTH)
}

/// What a seed draws for a change.
pub(super) fn write_drawn(
    out: &mut String,
    scenario: &Scenario,
    change: usize,
    seed: u64,
) -> std::fmt::Result {
    let drawn = drawn_defects(scenario, seed);
    let drawn = drawn.iter().find(|one| one.change as usize == change);
    let drawn = drawn.expect("a change with a mix has a draw");
    let effect = defect::describe(scenario, &drawn.defect);
    let text = format!(
        "What nobody in the run knows, as seed {seed} draws it from the mix `{}`, of kind `{}`: \
         {} {effect}",
        drawn.mix, drawn.kind, drawn.defect.story
    );
    item(out, &text)
}
