//! The states of a rollout and the moves between them, in one table.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The stage's instances are getting the change.
    Pushing,
    /// They have it and are watched.
    Baking,
    /// Nothing widens until an operator says so.
    Paused,
    /// Every instance has it and the last stage passed.
    Completed,
    /// Stopped for good at the exposure it had.
    Aborted,
    /// Instances are going back to last-known-good.
    RollingBack,
    /// No reachable instance runs the change any more.
    RolledBack,
}

/// Every legal move.
pub const TRANSITIONS: &[(State, State)] = &[
    (State::Pushing, State::Baking),
    (State::Pushing, State::Paused),
    (State::Pushing, State::Aborted),
    (State::Pushing, State::RollingBack),
    (State::Baking, State::Pushing),
    (State::Baking, State::Completed),
    (State::Baking, State::Paused),
    (State::Baking, State::Aborted),
    (State::Baking, State::RollingBack),
    (State::Paused, State::Pushing),
    (State::Paused, State::Aborted),
    (State::Paused, State::RollingBack),
    (State::Completed, State::RollingBack),
    (State::Aborted, State::RollingBack),
    (State::RollingBack, State::RolledBack),
];

impl State {
    /// Whether the table allows the move from this state to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        TRANSITIONS.contains(&(self, next))
    }

    /// Whether the rollout may still widen without anybody asking.
    #[must_use]
    pub const fn is_advancing(self) -> bool {
        matches!(self, Self::Pushing | Self::Baking)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pushing => "pushing",
            Self::Baking => "baking",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Aborted => "aborted",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
        })
    }
}

/// The table as a graph in the DOT language.
#[must_use]
pub fn dot() -> String {
    let mut text = String::from("digraph rollout {\n");
    for (from, to) in TRANSITIONS {
        text += &alloc::format!("  \"{from}\" -> \"{to}\";\n");
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph() {
        insta::assert_snapshot!(dot(), @r#"
        digraph rollout {
          "pushing" -> "baking";
          "pushing" -> "paused";
          "pushing" -> "aborted";
          "pushing" -> "rolling-back";
          "baking" -> "pushing";
          "baking" -> "completed";
          "baking" -> "paused";
          "baking" -> "aborted";
          "baking" -> "rolling-back";
          "paused" -> "pushing";
          "paused" -> "aborted";
          "paused" -> "rolling-back";
          "completed" -> "rolling-back";
          "aborted" -> "rolling-back";
          "rolling-back" -> "rolled-back";
        }
        "#);
    }
}
