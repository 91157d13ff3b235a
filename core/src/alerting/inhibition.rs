//! Inhibition: while one alert fires, nobody is told of others that it explains.
//!
//! A rule mutes its targets while one of its sources fires and the two agree on every label in
//! `equal`; where both lack a label they agree on it. An alert that is source and target at once
//! is not muted by another such one, nor by itself. Source: the documentation of Prometheus
//! Alertmanager, section "Inhibition-related settings".

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::time::Micros;

use super::labels::{LabelSet, Matcher, Projection, all_match};

/// What mutes what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InhibitionRule {
    /// An alert that explains others meets all of these.
    pub source: Vec<Matcher>,
    /// An alert that can be muted meets all of these.
    pub target: Vec<Matcher>,
    /// Labels that must have the same value in both.
    pub equal: Vec<String>,
}

/// Alerts that are sources for one combination of `equal` values, and until when they fire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sources {
    /// Sources that could not be targets of the same rule: they mute all targets.
    plain: BTreeMap<LabelSet, Micros>,
    /// Sources that are targets too: they mute only targets that are no sources.
    two_sided: BTreeMap<LabelSet, Micros>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Watch {
    rule: InhibitionRule,
    sources: BTreeMap<LabelSet, Sources>,
}

/// All rules, and the sources that fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibitor {
    watches: Vec<Watch>,
}

impl Inhibitor {
    /// With no alert yet.
    #[must_use]
    pub fn new(rules: &[InhibitionRule]) -> Self {
        let watch = |rule: &InhibitionRule| Watch {
            rule: rule.clone(),
            sources: BTreeMap::new(),
        };
        Self {
            watches: rules.iter().map(watch).collect(),
        }
    }

    /// The rules that such an alert is a source of, by their place in the list. They depend on
    /// the labels alone, so a caller may remember them.
    #[must_use]
    pub fn rules_with_source(&self, labels: &LabelSet) -> Vec<u16> {
        let matching = |(index, watch): (usize, &Watch)| {
            all_match(&watch.rule.source, labels).then_some(index as u16)
        };
        let numbered = self.watches.iter().enumerate();
        numbered.filter_map(matching).collect()
    }

    /// A source of these rules fires until `ends_at`.
    pub fn source_fires(&mut self, rules: &[u16], labels: &LabelSet, ends_at: Micros) {
        for rule in rules {
            let watch = &mut self.watches[usize::from(*rule)];
            let key = Projection::new(labels, &watch.rule.equal);
            if key.find_in(&mut watch.sources).is_none() {
                watch.sources.insert(key.to_set(), Sources::default());
            }
            let sources = key.find_in(&mut watch.sources).expect("it is there by now");
            let side = match all_match(&watch.rule.target, labels) {
                true => &mut sources.two_sided,
                false => &mut sources.plain,
            };
            side.insert(labels.clone(), ends_at);
        }
    }

    /// A source is forgotten.
    pub fn forget(&mut self, rules: &[u16], labels: &LabelSet) {
        for rule in rules {
            let watch = &mut self.watches[usize::from(*rule)];
            let key = Projection::new(labels, &watch.rule.equal);
            if let Some(sources) = key.find_in(&mut watch.sources) {
                sources.plain.remove(labels);
                sources.two_sided.remove(labels);
                if sources.plain.is_empty() && sources.two_sided.is_empty() {
                    watch.sources.remove(&key.to_set());
                }
            }
        }
    }

    /// A firing alert that mutes these labels at `now`. Sources that it finds to be over are
    /// dropped, so that the next target need not pass them.
    pub fn muted_by(&mut self, now: Micros, labels: &LabelSet) -> Option<LabelSet> {
        self.watches.iter_mut().find_map(|watch| {
            if watch.sources.is_empty() || !all_match(&watch.rule.target, labels) {
                return None;
            }
            let key = Projection::new(labels, &watch.rule.equal);
            let sources = key.find_in(&mut watch.sources)?;
            first_firing(now, &mut sources.plain).or_else(|| {
                let is_source = all_match(&watch.rule.source, labels);
                (!is_source)
                    .then(|| first_firing(now, &mut sources.two_sided))
                    .flatten()
            })
        })
    }
}

fn first_firing(now: Micros, sources: &mut BTreeMap<LabelSet, Micros>) -> Option<LabelSet> {
    while let Some(first) = sources.first_entry() {
        if *first.get() > now {
            return Some(first.key().clone());
        }
        first.remove();
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const LATER: Micros = Micros::from_mins(5);

    fn page_mutes_ticket() -> Inhibitor {
        Inhibitor::new(&[InhibitionRule {
            source: vec![Matcher::equal("severity", "page")],
            target: vec![Matcher::equal("severity", "ticket")],
            equal: vec!["service".into(), "region".into()],
        }])
    }

    fn fire(inhibitor: &mut Inhibitor, labels: &LabelSet, ends_at: Micros) {
        let rules = inhibitor.rules_with_source(labels);
        inhibitor.source_fires(&rules, labels, ends_at);
    }

    #[test]
    fn mutes_while_a_source_fires_that_agrees() {
        let mut inhibitor = page_mutes_ticket();
        let source = LabelSet::new([("severity", "page"), ("service", "cart")]);
        // Both lack a region, so they agree on it.
        let target = LabelSet::new([("severity", "ticket"), ("service", "cart")]);
        let elsewhere = LabelSet::new([("severity", "ticket"), ("service", "pay")]);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &target), None);
        fire(&mut inhibitor, &source, LATER);
        let muted_by = inhibitor.muted_by(Micros::ZERO, &target);
        assert_eq!(muted_by, Some(source.clone()));
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &elsewhere), None);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &source), None);
        assert_eq!(inhibitor.muted_by(LATER, &target), None);
    }

    #[test]
    fn a_missing_label_differs_from_a_present_one() {
        let mut inhibitor = page_mutes_ticket();
        let source = LabelSet::new([("severity", "page"), ("service", "cart"), ("region", "eu")]);
        let target = LabelSet::new([("severity", "ticket"), ("service", "cart")]);
        fire(&mut inhibitor, &source, LATER);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &target), None);
    }

    #[test]
    fn alerts_on_both_sides_do_not_mute_each_other() {
        let mut inhibitor = Inhibitor::new(&[InhibitionRule {
            source: vec![Matcher::one_of("severity", ["page", "both"])],
            target: vec![Matcher::one_of("severity", ["ticket", "both"])],
            equal: vec![],
        }]);
        let labels = |severity: &str, n: &str| LabelSet::new([("severity", severity), ("n", n)]);
        let (one, other) = (labels("both", "1"), labels("both", "2"));
        fire(&mut inhibitor, &one, LATER);
        fire(&mut inhibitor, &other, LATER);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &one), None);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &other), None);
        // They do mute one that is only a target, and a plain source mutes them.
        assert!(
            inhibitor
                .muted_by(Micros::ZERO, &labels("ticket", "3"))
                .is_some()
        );
        let page = labels("page", "4");
        fire(&mut inhibitor, &page, LATER);
        assert_eq!(inhibitor.muted_by(Micros::ZERO, &one), Some(page));
    }

    #[test]
    fn forgotten_sources_leave_nothing_behind() {
        let mut inhibitor = page_mutes_ticket();
        let empty = inhibitor.clone();
        let source = LabelSet::new([("severity", "page"), ("service", "cart")]);
        fire(&mut inhibitor, &source, LATER);
        inhibitor.forget(&[0], &source);
        assert_eq!(inhibitor, empty);
    }
}
