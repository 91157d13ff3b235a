//! What regions carry and could carry, as telemetry has it: load is counted, room is guessed from
//! how busy processors look. It is late, and wrong where something else runs out first.

use std::collections::BTreeMap;

use firedrill_core::Micros;
use firedrill_core::health::TelemetryWindow;
use firedrill_core::ids::{RegionId, ServiceId};
use firedrill_core::remediation::Input as Fact;

use crate::spec::Fleet;

/// What windows of one scrape told of a service in a region.
#[derive(Clone, Copy, Debug, Default)]
struct Scrape {
    end: Micros,
    per_s: f64,
    /// Processor use, summed over requests.
    busy: f64,
}

/// The newest scrape of each region and service.
#[derive(Clone, Debug, Default)]
pub(super) struct CapacityReports(BTreeMap<(RegionId, ServiceId), Scrape>);

impl CapacityReports {
    /// Takes a window that arrived; one older than what is known tells nothing.
    pub(super) fn add(&mut self, window: &TelemetryWindow) {
        let key = (window.region, window.service);
        let known = self.0.entry(key).or_default();
        if known.end > window.end {
            return;
        }
        if known.end < window.end {
            *known = Scrape {
                end: window.end,
                ..Scrape::default()
            };
        }
        let requests: u32 = window.classes.iter().map(|counts| counts.requests).sum();
        let length_s = (window.end - window.start).as_secs_f64();
        let per_s = f64::from(requests) / length_s;
        known.per_s += per_s;
        known.busy += window.saturation.cpu.as_f64() * per_s;
    }

    /// What each region reports: the requests that its users send, and how many they could send
    /// until the busiest service has no processor time left.
    pub(super) fn report(&self, fleet: &Fleet) -> Vec<Fact> {
        let regions = (0..fleet.regions.len()).map(|region| RegionId(region as u16));
        regions
            .filter_map(|region| self.of(region, fleet))
            .collect()
    }

    fn of(&self, region: RegionId, fleet: &Fleet) -> Option<Fact> {
        let here = self.0.iter().filter(|((at, _), _)| *at == region);
        let busiest = here
            .filter(|(_, scrape)| scrape.per_s > 0.0)
            .map(|(_, scrape)| scrape.busy / scrape.per_s)
            .reduce(f64::max)?;
        let mut front: Vec<ServiceId> = fleet
            .classes
            .iter()
            .filter_map(|class| class.path.first().copied())
            .collect();
        front.sort_unstable();
        front.dedup();
        let load: f64 = front
            .iter()
            .filter_map(|service| self.0.get(&(region, *service)))
            .map(|scrape| scrape.per_s)
            .sum();
        let capacity = load / busiest.max(1e-3);
        Some(Fact::CapacityReported {
            region,
            load: load as u64,
            capacity: capacity as u64,
        })
    }
}
