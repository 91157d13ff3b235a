//! A world of another size: as many instances as asked for, and requests to match.

use firedrill_sim::spec::{Fleet, Service};

use crate::scalar::{Count, Kind, Scalar};

use super::context::Context;

/// What a scenario may ask for.
const SIZES: std::ops::RangeInclusive<u32> = 100..=10_000_000;
/// No cell may be busier than in the world's own size by more than this factor: instances come in
/// whole numbers, so a few of them cannot be spread as evenly as many.
const BUSIER_MAX: f64 = 1.1;
/// More requests a second of a class than this are more than a run can count.
const RATE_MAX: f64 = 1e9;

/// What a `size` changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resized {
    /// Instances of the world's own size.
    pub instances_before: u64,
    /// Instances now.
    pub instances: u32,
    /// Requests come so many times as often.
    pub requests_factor: f64,
}

/// Gives the fleet `size` instances: of each service in proportion, at least one in each cell, and
/// request rates by one factor, which is the fleet's own unless cells would get too busy by it.
/// Employees make as many requests as before: a company has no more of them because its fleet is
/// larger, and a canary that serves them has no more instances.
pub(super) fn apply(
    context: &mut Context,
    size: &Scalar<Count>,
    fleet: &mut Fleet,
) -> Option<Resized> {
    const WHAT: &str = "the size of the fleet";
    let wanted = context.read(size, WHAT);
    if Count::parse(&size.text).is_err() {
        return None;
    }
    if !SIZES.contains(&wanted) {
        context.out_of_range(size, WHAT, "100 to 10000000");
        return None;
    }
    if !context.is_clean() {
        return None;
    }
    let least = sum(&needed(fleet, 0.0));
    if u64::from(wanted) < least {
        let message = format!("{WHAT} is `{}`, too few for one in each cell", size.text);
        let (services, cells) = (fleet.services.len(), cells(fleet));
        context.report("scenario::too-small", size.place, message, |problem| {
            problem
                .label(format!("expected at least {least}"))
                .help(format!(
                    "each service ({services}) needs an instance in each cell ({cells}), by the \
                     weights of the regions; give at least {least}, or take cells out"
                ))
        });
        return None;
    }
    let own = fleet.services.iter().map(|service| service.instances);
    let instances_before = own.map(u64::from).sum();
    let factor = scale(fleet, wanted);
    for class in &mut fleet.classes {
        class.per_second *= factor;
        class.employee_share = (class.employee_share / factor).min(1.0);
        if class.per_second > RATE_MAX {
            let message = format!(
                "{WHAT} is `{}`, which makes {:.0} requests a second of class `{}`",
                size.text, class.per_second, class.name
            );
            context.report("scenario::out-of-range", size.place, message, |problem| {
                problem
                    .label("expected at most 1000000000/s of each class")
                    .help("choose a smaller size, or lower the rate of the class")
            });
        }
    }
    Some(Resized {
        instances_before,
        instances: wanted,
        requests_factor: factor,
    })
}

fn cells(fleet: &Fleet) -> u64 {
    let regions = fleet.regions.iter();
    regions.map(|region| u64::from(region.cells)).sum()
}

fn sum(counts: &[u32]) -> u64 {
    counts.iter().copied().map(u64::from).sum()
}

/// Sets the instances of each service and returns the factor for request rates.
fn scale(fleet: &mut Fleet, wanted: u32) -> f64 {
    /// Halvings until the factor is exact to the last bit that matters.
    const STEPS: u32 = 60;
    let own = fleet.services.iter().map(|service| service.instances);
    let own: Vec<u32> = own.collect();
    let exact = f64::from(wanted) / sum(&own) as f64;
    let fits = |factor: f64| sum(&needed(fleet, factor)) <= u64::from(wanted);
    let mut factor = exact;
    if !fits(exact) {
        let mut above = exact;
        factor = 0.0;
        for _ in 0..STEPS {
            let middle = 0.5 * (factor + above);
            *(if fits(middle) {
                &mut factor
            } else {
                &mut above
            }) = middle;
        }
    }
    let targets = in_proportion(wanted, &own);
    let counts = fill(wanted, needed(fleet, factor), &targets);
    for (service, count) in fleet.services.iter_mut().zip(counts) {
        service.instances = count;
    }
    factor
}

/// The fewest instances of each service with which no cell gets too busy when requests come
/// `factor` times as often.
fn needed(fleet: &Fleet, factor: f64) -> Vec<u32> {
    let services = fleet.services.iter();
    services
        .map(|service| needed_of(fleet, service, factor))
        .collect()
}

fn needed_of(fleet: &Fleet, service: &Service, factor: f64) -> u32 {
    let total: f64 = fleet.regions.iter().map(|region| region.weight).sum();
    let wanted = f64::from(service.instances) * factor / BUSIER_MAX;
    let mut probe = service.clone();
    let enough = |count: u32| {
        probe.instances = count;
        let counts = fleet.instances(&probe);
        fleet.regions.iter().zip(counts).all(|(region, count)| {
            let smallest = count / region.cells;
            let share = region.weight / total / f64::from(region.cells);
            smallest >= 1 && f64::from(smallest) >= wanted * share
        })
    };
    first(enough, cells(fleet))
}

/// The first number from `start` on that is enough: found by doubling, then by halving, so that a
/// smaller one may do where enough is not monotone; what is returned does in any case.
fn first(mut enough: impl FnMut(u32) -> bool, start: u64) -> u32 {
    let number = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    let mut above = start.max(1);
    while !enough(number(above)) && above < u64::from(u32::MAX) {
        above *= 2;
    }
    let mut below = start.saturating_sub(1);
    while above - below > 1 {
        let middle = u64::midpoint(below, above);
        *(if enough(number(middle)) {
            &mut above
        } else {
            &mut below
        }) = middle;
    }
    number(above)
}

/// Splits `total` in proportion to `parts`, by largest remainder.
fn in_proportion(total: u32, parts: &[u32]) -> Vec<u32> {
    let all = sum(parts);
    let share = |part: &u32| u64::from(total) * u64::from(*part);
    let mut split: Vec<u32> = parts.iter().map(|p| (share(p) / all) as u32).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(share(&parts[*index]) % all));
    let missing = total - split.iter().sum::<u32>();
    for index in order.into_iter().take(missing as usize) {
        split[index] += 1;
    }
    split
}

/// Raises counts towards targets until they add up to `total`.
fn fill(total: u32, mut counts: Vec<u32>, targets: &[u32]) -> Vec<u32> {
    let missing = |counts: &[u32]| -> Vec<u32> {
        let pairs = targets.iter().zip(counts);
        pairs
            .map(|(target, count)| target.saturating_sub(*count))
            .collect()
    };
    let left = total - counts.iter().sum::<u32>();
    if left > 0 {
        let extra = in_proportion(left, &missing(&counts));
        for (count, extra) in counts.iter_mut().zip(extra) {
            *count += extra;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_by_largest_remainder() {
        assert_eq!(in_proportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(in_proportion(7, &[3, 4]), [3, 4]);
        assert_eq!(in_proportion(100, &[999, 1]), [100, 0]);
    }

    #[test]
    fn fills_up_to_the_total() {
        assert_eq!(fill(10, vec![3, 3], &[8, 2]), [7, 3]);
        assert_eq!(fill(10, vec![8, 2], &[8, 2]), [8, 2]);
    }

    #[test]
    fn finds_the_first_that_is_enough() {
        assert_eq!(first(|n| n >= 37, 5), 37);
        assert_eq!(first(|_| true, 5), 5);
    }
}
