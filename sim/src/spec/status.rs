//! Status pages: who must be told by when, and how long it takes to write.

use firedrill_core::Micros;
use firedrill_core::incident::{Audience, StatusPolicy};
use serde::{Deserialize, Serialize};

use super::check::within;
use super::{LogNormal, Scenario, SpecError};

/// Status pages that whoever commands an incident writes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusPosts {
    /// Each audience at most once.
    pub pages: Vec<(Audience, StatusPolicy)>,
    /// From when somebody begins with a post until it is ready to be sent.
    pub writing: LogNormal,
    /// So long before the deadline of an update they begin with it.
    pub reminded: Micros,
}

impl Scenario {
    pub(super) fn check_status(&self) -> Result<(), SpecError> {
        let Some(status) = &self.status else {
            return Ok(());
        };
        if self.teams.is_none() {
            return Err(SpecError::Times(
                "status pages need teams: incidents that nobody declares are told to nobody",
            ));
        }
        within(
            "the sigma of a status post".into(),
            status.writing.sigma,
            0.0,
            3.0,
        )?;
        let mut policies = status.pages.iter().map(|(_, policy)| policy);
        if policies.any(|policy| policy.update_every == Micros::ZERO) {
            return Err(SpecError::Times(
                "status posts follow each other after some time",
            ));
        }
        Ok(())
    }
}
