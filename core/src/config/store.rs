//! The store: versions, changes on their way through validation and review, last-known-good.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{ChangeId, ConfigId};
use crate::time::Micros;

use super::document::{Document, Edit};
use super::review::{Decision, Principal, ReviewError, check_reviewer};
use super::schema::{Finding, Schema};
use super::version::VersionId;

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// Validation found it wrong; the end.
    Invalid,
    /// Valid, waiting for a reviewer.
    InReview,
    /// A reviewer refused it; the end.
    Rejected,
    /// Approved; it may be rolled out.
    Approved,
    /// It reached its whole scope and is live.
    Landed,
    /// It was rolled out in part or in full and taken back; the end.
    Reverted,
}

/// A proposed change of one config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The config it changes.
    pub config: ConfigId,
    /// The version it was made from.
    pub base: VersionId,
    /// The version it makes.
    pub candidate: VersionId,
    /// Who proposed it.
    pub author: Principal,
    /// The edits.
    pub edits: Vec<Edit>,
    /// Where it stands.
    pub state: ChangeState,
}

/// Why a proposal is not even a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// The store has no such config.
    #[error("no config {0}")]
    UnknownConfig(ConfigId),
    /// The edits leave the document as it is.
    #[error("the edits change nothing")]
    NoEffect,
    /// This very version was rolled out before and taken back.
    #[error("version {0} was rolled back before; propose a different document")]
    Condemned(VersionId),
    /// Two different documents have the same content address.
    #[error("version {0} already names another document")]
    Collision(VersionId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Config {
    schema: Schema,
    documents: BTreeMap<VersionId, Document>,
    /// Versions that reached their whole scope, oldest first, with the time.
    landed: Vec<(Micros, VersionId)>,
    /// Versions that were taken back: never known good again.
    condemned: BTreeSet<VersionId>,
}

/// All configs, their versions and changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigStore {
    configs: Vec<Config>,
    changes: Vec<Change>,
}

impl ConfigStore {
    /// A store of the given configs, each at its initial version; ids number them in order.
    ///
    /// # Panics
    /// When a schema's own initial document is not valid.
    #[must_use]
    pub fn new(schemas: Vec<Schema>) -> Self {
        let configs = schemas.into_iter().map(|schema| {
            let document = schema.initial_document();
            let findings = schema.validate(&document);
            assert!(
                findings.is_empty(),
                "config {} starts invalid: {findings:?}",
                schema.name
            );
            let version = VersionId::of(&schema.name, &document);
            Config {
                schema,
                documents: [(version, document)].into(),
                landed: alloc::vec![(Micros::ZERO, version)],
                condemned: BTreeSet::new(),
            }
        });
        Self {
            configs: configs.collect(),
            changes: Vec::new(),
        }
    }

    /// The schema of `config`.
    #[must_use]
    pub fn schema(&self, config: ConfigId) -> Option<&Schema> {
        self.configs
            .get(config.index())
            .map(|config| &config.schema)
    }

    /// The document of a version.
    #[must_use]
    pub fn document(&self, config: ConfigId, version: VersionId) -> Option<&Document> {
        self.configs.get(config.index())?.documents.get(&version)
    }

    /// The change with this id.
    #[must_use]
    pub fn change(&self, id: ChangeId) -> Option<&Change> {
        self.changes.get(id.index())
    }

    /// The versions that reached their whole scope, oldest first, with the time they did.
    #[must_use]
    pub fn history(&self, config: ConfigId) -> &[(Micros, VersionId)] {
        self.configs
            .get(config.index())
            .map_or(&[], |config| &config.landed)
    }

    /// The newest landed version that was never taken back. When all were, which takes a change
    /// back to the initial version that is itself taken back, the initial one: something must
    /// run, and it ran longest.
    ///
    /// # Panics
    /// When the store has no such config.
    #[must_use]
    pub fn last_known_good(&self, config: ConfigId) -> VersionId {
        self.newest_good(config, |_| false)
    }

    /// The version to go back to if the change were taken back now.
    ///
    /// # Panics
    /// When the store has no such change.
    #[must_use]
    pub fn version_without(&self, id: ChangeId) -> VersionId {
        let change = &self.changes[id.index()];
        self.newest_good(change.config, |version| version == change.candidate)
    }

    fn newest_good(&self, config: ConfigId, is_left: impl Fn(VersionId) -> bool) -> VersionId {
        let config = &self.configs[config.index()];
        let is_good = |v: VersionId| !config.condemned.contains(&v) && !is_left(v);
        let good = config.landed.iter().rev().find(|(_, v)| is_good(*v));
        good.unwrap_or(&config.landed[0]).1
    }

    /// Proposes a change and validates it. The change is kept either way, for the history.
    ///
    /// # Errors
    /// When the config does not exist, the edits change nothing, or a content address collides;
    /// the store is then as it was.
    pub fn propose(
        &mut self,
        config: ConfigId,
        author: Principal,
        edits: Vec<Edit>,
    ) -> Result<(ChangeId, Vec<Finding>), ProposeError> {
        let base = self
            .configs
            .get(config.index())
            .map(|_| self.last_known_good(config));
        let base = base.ok_or(ProposeError::UnknownConfig(config))?;
        let entry = &mut self.configs[config.index()];
        let mut document = entry.documents[&base].clone();
        for Edit { key, value } in &edits {
            document.insert(key.clone(), value.clone());
        }
        let candidate = VersionId::of(&entry.schema.name, &document);
        if candidate == base {
            return Err(ProposeError::NoEffect);
        }
        if entry.condemned.contains(&candidate) {
            return Err(ProposeError::Condemned(candidate));
        }
        if entry
            .documents
            .get(&candidate)
            .is_some_and(|known| *known != document)
        {
            return Err(ProposeError::Collision(candidate));
        }
        let findings = entry.schema.validate(&document);
        let state = if findings.is_empty() {
            entry.documents.insert(candidate, document);
            ChangeState::InReview
        } else {
            ChangeState::Invalid
        };
        let id = ChangeId(self.changes.len() as u32);
        self.changes.push(Change {
            id,
            config,
            base,
            candidate,
            author,
            edits,
            state,
        });
        Ok((id, findings))
    }

    /// Records a review. `Ok(None)` means that the change was not in review and nothing changed.
    ///
    /// # Errors
    /// When the reviewer may not review this change, or it no longer applies; nothing changed
    /// then. A change that no longer applies can still be rejected.
    pub fn review(
        &mut self,
        id: ChangeId,
        reviewer: &Principal,
        decision: Decision,
    ) -> Result<Option<ChangeState>, ReviewError> {
        let change = self.changes.get(id.index());
        let Some(change) = change.filter(|change| change.state == ChangeState::InReview) else {
            return Ok(None);
        };
        check_reviewer(&change.author, reviewer)?;
        let state = match decision {
            Decision::Approve => {
                self.check_still_applies(change)?;
                ChangeState::Approved
            }
            Decision::Reject => ChangeState::Rejected,
        };
        self.changes[id.index()].state = state;
        Ok(Some(state))
    }

    /// A document is whole: what was made from another version than the one in use would take
    /// back whatever came between.
    fn check_still_applies(&self, change: &Change) -> Result<(), ReviewError> {
        let condemned = &self.configs[change.config.index()].condemned;
        if condemned.contains(&change.candidate) {
            return Err(ReviewError::Condemned);
        }
        if change.base != self.last_known_good(change.config) {
            return Err(ReviewError::Outdated);
        }
        Ok(())
    }

    /// Records that an approved change reached its whole scope: its version is known good.
    pub fn land(&mut self, now: Micros, id: ChangeId) {
        let change = &mut self.changes[id.index()];
        if change.state == ChangeState::Approved {
            change.state = ChangeState::Landed;
            self.configs[change.config.index()]
                .landed
                .push((now, change.candidate));
        }
    }

    /// Records that a change was taken back and returns the last-known-good version to go back
    /// to. Doing it again changes nothing and returns the same version.
    pub fn revert(&mut self, id: ChangeId) -> VersionId {
        let change = &mut self.changes[id.index()];
        if matches!(change.state, ChangeState::Approved | ChangeState::Landed) {
            change.state = ChangeState::Reverted;
            self.configs[change.config.index()]
                .condemned
                .insert(change.candidate);
        }
        let config = change.config;
        self.last_known_good(config)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::document::Value;
    use super::super::review::Role;
    use super::super::schema::{KeySpec, KeyType};
    use super::*;

    const AUTH: ConfigId = ConfigId(0);

    fn store() -> ConfigStore {
        let key = KeySpec {
            kind: KeyType::Int { min: 1, max: 9 },
            initial: Value::Int(1),
        };
        ConfigStore::new(vec![Schema {
            name: "auth".into(),
            keys: [("n".into(), key)].into(),
            rules: vec![],
        }])
    }

    fn developer() -> Principal {
        Principal {
            name: "dev".into(),
            role: Role::Developer,
        }
    }

    fn owner() -> Principal {
        Principal {
            name: "owner".into(),
            role: Role::Owner,
        }
    }

    fn set(n: i64) -> Vec<Edit> {
        vec![Edit {
            key: "n".into(),
            value: Value::Int(n),
        }]
    }

    fn landed(store: &mut ConfigStore, n: i64) -> ChangeId {
        let (id, findings) = store.propose(AUTH, developer(), set(n)).unwrap();
        assert_eq!(findings, []);
        store.review(id, &owner(), Decision::Approve).unwrap();
        store.land(Micros(1), id);
        id
    }

    #[test]
    fn last_known_good_skips_what_was_taken_back() {
        let mut store = store();
        let first = store.last_known_good(AUTH);
        let two = landed(&mut store, 2);
        let good = store.last_known_good(AUTH);
        assert_ne!(first, good);
        let three = landed(&mut store, 3);
        assert_eq!(store.revert(three), good);
        assert_eq!(
            store.revert(three),
            good,
            "reverting twice is reverting once"
        );
        assert_eq!(store.revert(two), first);
        assert_eq!(store.history(AUTH).len(), 3);
        let again = store.propose(AUTH, developer(), set(2));
        assert!(matches!(again, Err(ProposeError::Condemned(_))));
    }

    #[test]
    fn the_initial_version_is_the_last_resort() {
        let mut store = store();
        let initial = store.last_known_good(AUTH);
        let away = landed(&mut store, 2);
        let back = landed(&mut store, 1);
        store.revert(back);
        assert_eq!(store.revert(away), initial);
        assert_eq!(store.last_known_good(AUTH), initial);
    }

    #[test]
    fn a_change_made_from_an_older_version_is_not_approved() {
        let mut store = store();
        let (late, _) = store.propose(AUTH, developer(), set(5)).unwrap();
        landed(&mut store, 2);
        let before = store.clone();
        assert_eq!(
            store.review(late, &owner(), Decision::Approve),
            Err(ReviewError::Outdated)
        );
        assert_eq!(store, before);
        assert_eq!(
            store.review(late, &owner(), Decision::Reject),
            Ok(Some(ChangeState::Rejected))
        );
    }

    #[test]
    fn a_version_that_was_taken_back_is_not_approved_again() {
        let mut store = store();
        let (twin, _) = store.propose(AUTH, developer(), set(2)).unwrap();
        let first = landed(&mut store, 2);
        store.revert(first);
        assert_eq!(
            store.review(twin, &owner(), Decision::Approve),
            Err(ReviewError::Condemned)
        );
    }

    #[test]
    fn an_invalid_change_never_gets_to_review() {
        let mut store = store();
        let (id, findings) = store.propose(AUTH, developer(), set(10)).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(store.review(id, &owner(), Decision::Approve), Ok(None));
        assert_eq!(store.change(id).unwrap().state, ChangeState::Invalid);
    }

    #[test]
    fn a_refused_proposal_or_review_changes_nothing() {
        let mut store = store();
        let before = store.clone();
        assert_eq!(
            store.propose(AUTH, developer(), set(1)),
            Err(ProposeError::NoEffect)
        );
        assert_eq!(
            store.propose(ConfigId(7), developer(), set(2)),
            Err(ProposeError::UnknownConfig(ConfigId(7)))
        );
        assert_eq!(store, before);
        let (id, _) = store.propose(AUTH, developer(), set(2)).unwrap();
        let before = store.clone();
        assert!(store.review(id, &developer(), Decision::Approve).is_err());
        assert_eq!(store, before);
    }
}
