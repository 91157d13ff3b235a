//! The worlds of the catalogue, at every size.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use firedrill_core::Micros;
use firedrill_core::ids::ServiceId;
use firedrill_scenarios::{catalogue, explain, load_embedded, load_str, worlds};
use firedrill_sim::engine;
use firedrill_sim::spec::{Fleet, RequestClass, Scenario};

/// Sizes that every world has.
const SIZES: [u32; 3] = [100, 10_000, 10_000_000];
/// No pool of instances may be busier than this when its region is.
const UTILISATION_MAX: f64 = 0.7;

/// The line that names the world of a scenario of the catalogue.
fn world_of(source: &str) -> &str {
    let line = source.lines().find(|line| line.starts_with("world:"));
    let line = line.expect("scenarios of the catalogue name a world");
    line.trim_start_matches("world: {preset: ")
        .trim_end_matches('}')
}

/// The first scenario of the catalogue on a world, with `extra` lines.
fn source_on(world: &str, extra: &str) -> String {
    let entry = catalogue()
        .iter()
        .find(|entry| world_of(entry.source) == world);
    let entry = entry.expect("every world is used");
    let named = format!("world: {{preset: {world}}}\n");
    entry.source.replacen(&named, &format!("{named}{extra}"), 1)
}

fn at_size(world: &str, size: u32) -> Scenario {
    let source = source_on(world, &format!("size: {size}\n"));
    match load_str("t.yaml", &source) {
        Ok(loaded) => loaded.scenario,
        Err(errors) => {
            // Too small for one instance in each cell: the least size is told.
            let label = errors.problems[0].label.clone().unwrap_or_default();
            let least = label.strip_prefix("expected at least ");
            let least = least.and_then(|least| least.parse().ok());
            let least: u32 = least.unwrap_or_else(|| panic!("{errors}"));
            assert!(size < least && least < 1_000, "{world}: {label}");
            at_size(world, least)
        }
    }
}

fn total(fleet: &Fleet) -> u32 {
    fleet.services.iter().map(|service| service.instances).sum()
}

/// Calls of a service for each request of a class.
fn calls(fleet: &Fleet, class: &RequestClass, service: ServiceId) -> f64 {
    let edge = |from: Option<ServiceId>, to: ServiceId| {
        let mut edges = fleet.edges.iter();
        edges.find(|edge| (edge.from, edge.to) == (from, to))
    };
    let mut all: Vec<f64> = Vec::new();
    let mut found = 0.0;
    for (position, to) in class.path.iter().enumerate() {
        let before = (0..position).rev();
        let nearest = before.clone().find(|earlier| {
            let from = class.path[*earlier];
            edge(Some(from), *to).is_some()
        });
        let parent = nearest.or(position.checked_sub(1));
        let from = parent.map(|parent| class.path[parent]);
        let above = parent.map_or(1.0, |parent| all[parent]);
        all.push(above * edge(from, *to).map_or(1.0, |edge| edge.calls));
        if *to == service {
            found += all[position];
        }
    }
    found
}

/// How busy the busiest pool of all is at its region's daily peak.
fn busiest_pool(scenario: &Scenario) -> f64 {
    let fleet = &scenario.fleet;
    let weight: f64 = fleet.regions.iter().map(|region| region.weight).sum();
    let mut busiest: f64 = 0.0;
    for (index, service) in fleet.services.iter().enumerate() {
        let id = ServiceId(index as u16);
        let classes = fleet.classes.iter();
        let rate: f64 = classes
            .map(|class| class.per_second * calls(fleet, class, id))
            .sum();
        let time = service.service_time;
        let seconds = time.median.as_secs_f64() * (0.5 * time.sigma * time.sigma).exp();
        for (region, count) in fleet.regions.iter().zip(fleet.instances(service)) {
            let in_cell = rate * region.weight / weight / f64::from(region.cells);
            let workers = f64::from(count / region.cells) * f64::from(service.workers);
            let peak = in_cell * seconds / workers * (1.0 + scenario.demand.swing);
            busiest = busiest.max(peak);
        }
    }
    busiest
}

#[test]
fn every_world_is_used() {
    let used: BTreeSet<&str> = catalogue()
        .iter()
        .map(|entry| world_of(entry.source))
        .collect();
    let known: BTreeSet<&str> = worlds().map(|world| world.name).collect();
    assert_eq!(used, known);
}

#[test]
fn every_world_has_every_size_and_is_never_too_busy() {
    for world in worlds() {
        let own = load_str("t.yaml", &source_on(world.name, "")).unwrap();
        let own = total(&own.scenario.fleet);
        for size in SIZES.into_iter().chain([own, own / 2, 123_457]) {
            let scenario = at_size(world.name, size.max(100));
            scenario.check().unwrap_or_else(|error| panic!("{error}"));
            let fleet = &scenario.fleet;
            assert!(total(fleet) >= size, "{} at {size}", world.name);
            for service in &fleet.services {
                for (region, count) in fleet.regions.iter().zip(fleet.instances(service)) {
                    assert!(count >= region.cells, "{} at {size}", world.name);
                }
            }
            let busiest = busiest_pool(&scenario);
            let told = format!("{} at {size}: {busiest}", world.name);
            assert!(busiest < UTILISATION_MAX, "{told}");
            if size >= 10_000 {
                assert!(busiest > 0.4, "{told}");
            }
        }
    }
}

#[test]
fn its_own_size_leaves_a_world_as_it_is() {
    for world in worlds() {
        let mut plain = load_str("t.yaml", &source_on(world.name, "")).unwrap();
        let sized = at_size(world.name, total(&plain.scenario.fleet));
        // Expectations know their lines, and there is one line more.
        for line in &mut plain.scenario.expect {
            line.line += 1;
        }
        assert_eq!(plain.scenario, sized, "{}", world.name);
    }
}

/// A canary of a few instances would drown in the requests of a thousand times the employees.
#[test]
fn employees_stay_as_many_as_they_were() {
    for world in worlds() {
        let own = load_str("t.yaml", &source_on(world.name, "")).unwrap();
        let many = at_size(world.name, 10_000_000);
        let classes = own.scenario.fleet.classes.iter();
        for (own, many) in classes.zip(&many.fleet.classes) {
            let [own, many] = [own, many].map(|class| class.per_second * class.employee_share);
            assert!((own - many).abs() < 1e-6 * own.max(1.0), "{}", world.name);
        }
    }
}

#[test]
fn explain_tells_the_size() {
    let source = source_on("edge-cdn", "size: 10000000\n");
    let loaded = load_str("t.yaml", &source).unwrap_or_else(|errors| panic!("{errors}"));
    let told = explain(&loaded);
    assert!(
        told.contains("10 000 000 instances of 3 services"),
        "{told}"
    );
    let resized = loaded.resized.unwrap();
    let own = load_str("t.yaml", &source_on("edge-cdn", "")).unwrap();
    let services = own.scenario.fleet.services.iter();
    let before: u32 = services.map(|service| service.instances).sum();
    assert_eq!(resized.instances_before, u64::from(before));
    let before = firedrill_sim::words::count(u64::from(before));
    let size = format!("The file asks for a size of 10 000 000: the world's own is {before}.");
    assert!(told.replace("\n    ", " ").contains(&size), "{told}");
}

fn time(scenario: &Scenario) -> Duration {
    let start = Instant::now();
    let log = engine::run(scenario, 1);
    assert!(!log.events().is_empty());
    start.elapsed()
}

/// Ten million instances cost about what ten thousand do; the bound is loose, for other programs
/// run on the machine. The bench `scale` measures it.
#[test]
fn a_run_costs_the_same_at_every_size() {
    let [few, many] = [10_000, 10_000_000].map(|size| {
        let mut scenario = at_size("edge-cdn", size);
        scenario.duration = Micros::from_mins(15);
        scenario
    });
    let best = |scenario: &Scenario| (0..5).map(|_| time(scenario)).min().unwrap_or_default();
    let (few, many) = (best(&few), best(&many));
    assert!(many < few * 2, "{few:?} and {many:?}");
}

#[test]
fn every_size_that_cannot_be_is_refused() {
    let told = |text: &str| {
        let errors = load_str("t.yaml", text).expect_err("the size is wrong");
        let problem = &errors.problems[0];
        let label = problem.label.clone().unwrap_or_default();
        let help = problem.help.clone().unwrap_or_default();
        format!("{problem}\n{label}\n{help}")
    };
    let line = source_on("dns", "")
        .lines()
        .position(|line| line.starts_with("world:"))
        .unwrap()
        + 2;
    for (size, words) in [
        (
            "99",
            "the size of the fleet is `99`; allowed is 100 to 10000000",
        ),
        ("10_000_001", "allowed is 100 to 10000000"),
        (
            "many",
            "the size of the fleet is `many`, not a whole number",
        ),
    ] {
        let told = told(&source_on("dns", &format!("size: {size}\n")));
        assert!(told.starts_with(&format!("t.yaml:{line}:7: ")), "{told}");
        assert!(told.contains(words), "{told}");
    }
    let login = load_embedded("login-drop").unwrap().source;
    let busy = login.replace(
        "world: {preset: social}",
        "world: {preset: social}\nsize: 99",
    );
    assert!(told(&busy).contains("[scenario::out-of-range]"));
}
