//! Sets of labels: what an alert is, and how rules speak of it.
//!
//! Two alerts with the same labels are one alert; nothing else counts. An absent label and an
//! empty one are the same.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name and its value; neither is empty.
type Label = (String, String);

/// Labels by name, and a hash over them. Cheap to clone.
///
/// Sets are ordered by hash first: a fixed order without a meaning. Where two sets have the same
/// hash, the labels decide, so a collision costs time and confuses nothing.
#[derive(Clone, Debug)]
pub struct LabelSet {
    fingerprint: u64,
    labels: Arc<[Label]>,
}

impl LabelSet {
    /// The labels; of two values for one name the later one, and no empty values.
    pub fn new<N: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (N, V)>) -> Self {
        let labels = labels.into_iter();
        let mut labels: Vec<Label> = labels.map(|(n, v)| (n.into(), v.into())).collect();
        // Stable, so that the last of equal names is the latest.
        labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        labels.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                core::mem::swap(&mut later.1, &mut kept.1);
            }
            same
        });
        labels.retain(|(name, value)| !name.is_empty() && !value.is_empty());
        Self::sorted(labels.into())
    }

    /// No labels at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::sorted(Arc::new([]))
    }

    fn sorted(labels: Arc<[Label]>) -> Self {
        Self {
            fingerprint: fingerprint(labels.iter()),
            labels,
        }
    }

    /// The value of a label; empty when there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }

    /// The same on every platform and in every version: 64 bits of FNV-1a over names and values.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The labels with these names.
    #[must_use]
    pub fn project(&self, names: &[String]) -> Self {
        Projection::new(self, names).to_set()
    }

    /// Kept out of the way of searches, nearly all of whose comparisons end with the hash.
    #[inline(never)]
    fn cmp_labels(&self, other: &Self) -> Ordering {
        match Arc::ptr_eq(&self.labels, &other.labels) {
            true => Ordering::Equal,
            false => self.labels.cmp(&other.labels),
        }
    }

    /// The order of names and values as text, for readers.
    #[must_use]
    pub fn cmp_text(&self, other: &Self) -> Ordering {
        self.labels.cmp(&other.labels)
    }
}

/// FNV-1a with a byte that no UTF-8 text contains after each part, so that parts cannot run
/// into each other. Source: Fowler, Noll, Vo; draft-eastlake-fnv.
fn fingerprint<'a>(labels: impl Iterator<Item = &'a Label>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let parts = labels.flat_map(|(name, value)| [name, value]);
    parts.fold(OFFSET, |hash, part| {
        part.bytes().chain([0xff]).fold(hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        })
    })
}

/// The labels of a set that have certain names, not yet a set of their own: in a storm most of
/// them are known already, and finding them allocates nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection<'a> {
    labels: &'a LabelSet,
    names: &'a [String],
    fingerprint: u64,
}

impl<'a> Projection<'a> {
    pub(super) fn new(labels: &'a LabelSet, names: &'a [String]) -> Self {
        let kept = labels.labels.iter();
        let fingerprint = fingerprint(kept.filter(|(name, _)| names.contains(name)));
        Self {
            labels,
            names,
            fingerprint,
        }
    }

    fn kept(&self) -> impl Iterator<Item = &'a Label> {
        let (labels, names) = (self.labels.labels.iter(), self.names);
        labels.filter(move |(name, _)| names.contains(name))
    }

    pub(super) fn to_set(self) -> LabelSet {
        LabelSet {
            fingerprint: self.fingerprint,
            labels: self.kept().cloned().collect(),
        }
    }

    /// No set with the same hash comes before this one.
    pub(super) fn floor(&self) -> LabelSet {
        LabelSet {
            fingerprint: self.fingerprint,
            labels: Arc::default(),
        }
    }

    pub(super) const fn has_hash_of(&self, set: &LabelSet) -> bool {
        self.fingerprint == set.fingerprint
    }

    /// Whether it is this set.
    pub(super) fn is(&self, set: &LabelSet) -> bool {
        self.has_hash_of(set) && self.kept().eq(set.labels.iter())
    }

    /// What a map has under these labels.
    pub(super) fn find_in<'m, V>(&self, map: &'m mut BTreeMap<LabelSet, V>) -> Option<&'m mut V> {
        let same_hash = map.range_mut(self.floor()..);
        let mut same_hash = same_hash.take_while(|(set, _)| self.has_hash_of(set));
        same_hash.find_map(|(set, value)| self.is(set).then_some(value))
    }
}

impl PartialEq for LabelSet {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && (Arc::ptr_eq(&self.labels, &other.labels) || self.labels == other.labels)
    }
}

impl Eq for LabelSet {}

impl Ord for LabelSet {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.fingerprint == other.fingerprint {
            self.cmp_labels(other)
        } else {
            self.fingerprint.cmp(&other.fingerprint)
        }
    }
}

impl PartialOrd for LabelSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A list of pairs, by name.
impl Serialize for LabelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.labels.iter())
    }
}

impl<'de> Deserialize<'de> for LabelSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Vec::<Label>::deserialize(deserializer)?))
    }
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Exactly this; the empty text also stands for an absent label.
    Equal(String),
    /// Anything but this.
    NotEqual(String),
    /// One of these.
    OneOf(Vec<String>),
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// The name of the label.
    pub label: String,
    /// What its value must be.
    pub condition: Condition,
}

impl Matcher {
    /// The label has exactly this value.
    pub fn equal(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            condition: Condition::Equal(value.into()),
        }
    }

    /// The label has any value but this.
    pub fn not_equal(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            condition: Condition::NotEqual(value.into()),
        }
    }

    /// The label has one of these values.
    pub fn one_of<V: Into<String>>(
        label: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            label: label.into(),
            condition: Condition::OneOf(values.into_iter().map(Into::into).collect()),
        }
    }

    /// Whether the labels meet the condition.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.accepts(labels.value(&self.label))
    }

    /// Whether labels without this one would meet the condition.
    #[must_use]
    pub fn accepts_absence(&self) -> bool {
        self.accepts("")
    }

    fn accepts(&self, value: &str) -> bool {
        match &self.condition {
            Condition::Equal(wanted) => value == wanted,
            Condition::NotEqual(unwanted) => value != unwanted,
            Condition::OneOf(wanted) => wanted.iter().any(|wanted| value == wanted),
        }
    }
}

/// Whether the labels meet every condition.
#[must_use]
pub fn all_match(matchers: &[Matcher], labels: &LabelSet) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_labels_and_empty_ones_do_not_count() {
        let one = LabelSet::new([("service", "cart"), ("alertname", "Errors")]);
        let other = LabelSet::new([("alertname", "Errors"), ("service", "cart"), ("zone", "")]);
        assert_eq!(one, other);
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.value("zone"), "");
        assert_eq!(LabelSet::new([("a", "1"), ("a", "2")]).value("a"), "2");
    }

    /// The hash is part of journals, so it may not change: computed by hand from the published
    /// constants (`a` 0xff `b` 0xff).
    #[test]
    fn the_fingerprint_is_pinned() {
        let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
        let expected = [b'a', 0xff, b'b', 0xff]
            .into_iter()
            .fold(14_695_981_039_346_656_037, byte);
        assert_eq!(LabelSet::new([("a", "b")]).fingerprint(), expected);
        assert_eq!(LabelSet::empty().fingerprint(), 14_695_981_039_346_656_037);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = LabelSet::new([("a", "bc")]);
        let other = LabelSet::new([("ab", "c")]);
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn a_collision_is_no_identity() {
        let one = LabelSet::new([("a", "1")]);
        let mut other = LabelSet::new([("a", "2")]);
        other.fingerprint = one.fingerprint;
        assert_ne!(one, other);
        assert_ne!(one.cmp(&other), Ordering::Equal);
        let both: alloc::collections::BTreeSet<_> = [one.clone(), other, one].into();
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn a_projection_is_found_among_sets_of_the_same_hash() {
        let names = [String::from("a"), String::from("c")];
        let labels = LabelSet::new([("a", "1"), ("b", "2"), ("c", "3")]);
        let projection = Projection::new(&labels, &names);
        let own = LabelSet::new([("a", "1"), ("c", "3")]);
        assert_eq!(projection.to_set(), own);
        let mut other = LabelSet::new([("a", "0")]);
        other.fingerprint = own.fingerprint;
        let mut map = BTreeMap::from([(other.clone(), "other")]);
        assert_eq!(projection.find_in(&mut map), None);
        map.insert(own, "own");
        assert_eq!(projection.find_in(&mut map).copied(), Some("own"));
        assert!(!projection.is(&other));
    }

    #[test]
    fn matchers_take_absence_for_the_empty_text() {
        let labels = LabelSet::new([("severity", "page")]);
        assert!(Matcher::equal("severity", "page").matches(&labels));
        assert!(Matcher::equal("region", "").matches(&labels));
        assert!(Matcher::not_equal("region", "eu").matches(&labels));
        assert!(!Matcher::not_equal("region", "").matches(&labels));
        assert!(Matcher::one_of("severity", ["ticket", "page"]).matches(&labels));
        assert!(!Matcher::one_of("region", ["eu", "us"]).matches(&labels));
    }

    #[test]
    fn survives_a_journal() {
        let labels = LabelSet::new([("b", "2"), ("a", "1")]);
        let text = serde_json::to_string(&labels).unwrap();
        assert_eq!(text, r#"[["a","1"],["b","2"]]"#);
        assert_eq!(serde_json::from_str::<LabelSet>(&text).unwrap(), labels);
    }
}
