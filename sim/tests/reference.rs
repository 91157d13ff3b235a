mod support;
use firedrill_core::{Micros, Ppm};
use firedrill_sim::measure::{Measures, Span, measure};
use firedrill_sim::spec::*;
use firedrill_sim::{engine, reference};
use rayon::prelude::*;
use support::scenario;
#[test]
fn look() {
    let n: u64 = std::env::var_os("N").map_or(100, |n| n.to_str().unwrap().parse().unwrap());
    let only = std::env::var_os("ONLY").map(|n| n.to_str().unwrap().to_owned());
    for (name, spec) in support::small::all() {
        if only.as_deref().is_some_and(|only| only != name) { continue; }
        spec.check().unwrap();
        let go = |f: &(dyn Fn(u64) -> Measures + Sync), from: u64| -> (Vec<Measures>, f64) {
            #[expect(clippy::disallowed_types, reason = "x")]
            let t = std::time::Instant::now();
            let v: Vec<Measures> = (from..from + n).into_par_iter().map(f).collect();
            (v, t.elapsed().as_secs_f64())
        };
        let (fast, tf) = go(&|seed| measure(&engine::run(&spec, seed)), 0);
        let (slow, ts) = go(&|seed| measure(&reference::run(&spec, seed)), 1_000_000);
        println!("== {name}: fast {:.1} ms slow {:.1} ms a run (2 threads), requests {} {}", tf / n as f64 * 2e3, ts / n as f64 * 2e3, fast[0].requests, slow[0].requests);
        for (what, pick) in support::small::MEASURES {
            let mut a: Vec<f64> = fast.iter().map(pick).collect();
            let mut b: Vec<f64> = slow.iter().map(pick).collect();
            let ks = support::ks::ks(&mut a, &mut b);
            let q = |v: &Vec<f64>, p: f64| v[((v.len() - 1) as f64 * p) as usize];
            println!("   {what:10} D {:.3} p {:.4}   fast {:9.1} {:9.1} {:9.1}  slow {:9.1} {:9.1} {:9.1}", ks.0, ks.1, q(&a, 0.1), q(&a, 0.5), q(&a, 0.9), q(&b, 0.1), q(&b, 0.5), q(&b, 0.9));
        }
        let caught = |m: &[Measures]| { let mut c = std::collections::BTreeMap::new(); for m in m { *c.entry(m.caught_by.to_string()).or_insert(0) += 1; } c };
        println!("   {:?} / {:?}", caught(&fast), caught(&slow));
    }
}
