//! Who may propose, approve and order what.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// The role in which somebody acts. Reports name roles, never people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Writes changes.
    Developer,
    /// Owns the service and reviews its changes.
    Owner,
    /// Runs the fleet: reviews, pauses, aborts, rolls back.
    SiteReliability,
    /// A program acting on its own, such as a scheduled config generator.
    Automation,
}

impl Role {
    /// Whether this role may approve changes of others.
    #[must_use]
    pub const fn may_review(self) -> bool {
        matches!(self, Self::Owner | Self::SiteReliability)
    }

    /// Whether this role may pause, resume, abort and roll back.
    #[must_use]
    pub const fn may_operate(self) -> bool {
        matches!(self, Self::Owner | Self::SiteReliability)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Developer => "developer",
            Self::Owner => "owner",
            Self::SiteReliability => "site reliability",
            Self::Automation => "automation",
        })
    }
}

/// Somebody who acts: a name that stands for one actor, and the role in which they act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// A stable handle such as `identity-dev`.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// What a reviewer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The change may be rolled out.
    Approve,
    /// The change is refused.
    Reject,
}

/// Why a review does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// The reviewer is the author.
    #[error("nobody may review their own change")]
    OwnChange,
    /// The reviewer acts in the author's role.
    #[error("the reviewer must act in another role than the author")]
    SameRole,
    /// The reviewer's role may not review.
    #[error("this role may not review changes")]
    RoleMayNotReview,
    /// Another change landed or was taken back since: an approval would undo it unseen.
    #[error(
        "the change was made from a version that is no longer the one in use; propose it again"
    )]
    Outdated,
    /// The very version that the change makes was rolled back since.
    #[error("the change makes a version that was rolled back since")]
    Condemned,
}

/// Checks that `reviewer` may review a change of `author`.
///
/// # Errors
/// When the two are the same actor or act in the same role, or the role may not review.
pub(super) fn check_reviewer(author: &Principal, reviewer: &Principal) -> Result<(), ReviewError> {
    if author.name == reviewer.name {
        return Err(ReviewError::OwnChange);
    }
    if author.role == reviewer.role {
        return Err(ReviewError::SameRole);
    }
    if !reviewer.role.may_review() {
        return Err(ReviewError::RoleMayNotReview);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(author: (&str, Role), reviewer: (&str, Role), expected: Result<(), ReviewError>) {
        let principal = |(name, role): (&str, Role)| Principal {
            name: name.into(),
            role,
        };
        assert_eq!(
            check_reviewer(&principal(author), &principal(reviewer)),
            expected
        );
    }

    #[test]
    fn a_reviewer_is_somebody_else_in_another_role() {
        check(("ana", Role::Developer), ("bo", Role::Owner), Ok(()));
        check(
            ("ana", Role::Developer),
            ("ana", Role::Owner),
            Err(ReviewError::OwnChange),
        );
        check(
            ("ana", Role::Owner),
            ("bo", Role::Owner),
            Err(ReviewError::SameRole),
        );
        check(
            ("ana", Role::Owner),
            ("bo", Role::Developer),
            Err(ReviewError::RoleMayNotReview),
        );
    }
}
