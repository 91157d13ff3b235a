//! How config gets to instances, in plain words.

use firedrill_sim::spec::{Partition, Reach, Scenario};

use super::{span, typical};

/// A sentence for everything beyond delays and stragglers.
pub(super) fn sentences(scenario: &Scenario) -> Vec<String> {
    let propagation = &scenario.propagation;
    let mut sentences = Vec::new();
    if let Some(base) = propagation.rollback_base {
        sentences.push(format!(
            "A rollback skips tiers of distribution: it reaches the first instance after {} \
             instead of {}.",
            span(base),
            span(propagation.base),
        ));
    }
    if let Some(repair) = &propagation.repair {
        sentences.push(format!(
            "Instances that crash before they read config are repaired one by one, in {}.",
            typical(repair),
        ));
    }
    let partition = |partition: &Partition| {
        let regions = &scenario.fleet.regions;
        let what = match partition.reach {
            Reach::Region { region } => regions[region.index()].name.clone(),
            Reach::Cell { region, cell } => {
                let name = &regions[region.index()].name;
                format!("cell {cell} of {name}")
            }
        };
        format!(
            "Partition: after {}, for {}, {what} is cut off from distribution and keeps what it \
             has.",
            span(partition.at),
            span(partition.duration),
        )
    };
    sentences.extend(propagation.partitions.iter().map(partition));
    sentences
}
