//! What can be done about an outage, to what, and which of two comes first.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{ConfigId, RegionId, RolloutId, ServiceId};
use crate::ratio::Ppm;

/// How much a feature matters. Level 1 matters most and is switched off last.
///
/// Source: the knob levels of Meza et al., "Defcon: Preventing Overload with Graceful Feature
/// Degradation", OSDI 2023.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureLevel {
    /// Matters most.
    Level1,
    /// Matters much.
    Level2,
    /// Matters a little.
    Level3,
    /// Nice to have.
    Level4,
}

impl FeatureLevel {
    /// The next less critical one, which must be off before this one.
    #[must_use]
    pub const fn less_critical(self) -> Option<Self> {
        match self {
            Self::Level1 => Some(Self::Level2),
            Self::Level2 => Some(Self::Level3),
            Self::Level3 => Some(Self::Level4),
            Self::Level4 => None,
        }
    }
}

/// What a kill switch turns off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillScope {
    /// A type of config: its readers use their safe defaults.
    Config(ConfigId),
    /// A service: it answers with its safe default.
    Service(ServiceId),
}

impl KillScope {
    /// Whether it turns off a config that this service reads.
    #[must_use]
    pub fn covers(self, config: ConfigId, service: ServiceId) -> bool {
        match self {
            Self::Config(killed) => killed == config,
            Self::Service(killed) => killed == service,
        }
    }
}

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Automation takes a rollout back.
    AutomaticRollback {
        /// The rollout.
        rollout: RolloutId,
        /// Of this config.
        config: ConfigId,
        /// Which this service reads.
        service: ServiceId,
    },
    /// A person takes a rollout back.
    OneClickRollback {
        /// The rollout.
        rollout: RolloutId,
        /// Of this config.
        config: ConfigId,
        /// Which this service reads.
        service: ServiceId,
    },
    /// The features of a level are switched off.
    FeatureDisable {
        /// Of this service.
        service: ServiceId,
        /// The level; the less critical ones must be off.
        level: FeatureLevel,
    },
    /// A region's users are sent to the other regions, step by step.
    Drain {
        /// The region.
        region: RegionId,
    },
    /// Instances are restarted.
    Restart {
        /// Of this service.
        service: ServiceId,
        /// In this region.
        region: RegionId,
    },
    /// Instances are added.
    Scale {
        /// Of this service.
        service: ServiceId,
        /// In this region.
        region: RegionId,
        /// So many more, as a share of those there are.
        by: Ppm,
    },
    /// Something is turned off at once.
    KillSwitch(KillScope),
    /// A caller stops calling.
    TripBreaker {
        /// The caller.
        caller: ServiceId,
        /// Whom it calls no more.
        callee: ServiceId,
    },
    /// No rollout widens any more.
    FreezeRollouts,
}

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// See [`Action::AutomaticRollback`].
    AutomaticRollback,
    /// See [`Action::OneClickRollback`].
    OneClickRollback,
    /// See [`Action::FeatureDisable`].
    FeatureDisable,
    /// See [`Action::Drain`].
    Drain,
    /// See [`Action::Restart`].
    Restart,
    /// See [`Action::Scale`].
    Scale,
    /// See [`Action::KillSwitch`].
    KillSwitch,
    /// See [`Action::TripBreaker`].
    TripBreaker,
    /// See [`Action::FreezeRollouts`].
    FreezeRollouts,
}

impl ActionKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AutomaticRollback,
        Self::OneClickRollback,
        Self::FeatureDisable,
        Self::Drain,
        Self::Restart,
        Self::Scale,
        Self::KillSwitch,
        Self::TripBreaker,
        Self::FreezeRollouts,
    ];

    /// Which of two actions on the same subject comes first.
    #[must_use]
    pub const fn precedence(self) -> Precedence {
        match self {
            Self::KillSwitch => Precedence::KillSwitch,
            Self::AutomaticRollback | Self::OneClickRollback => Precedence::Rollback,
            Self::FeatureDisable
            | Self::Drain
            | Self::Restart
            | Self::Scale
            | Self::TripBreaker
            | Self::FreezeRollouts => Precedence::Other,
        }
    }

    /// Whether its effect lasts until somebody takes it back.
    #[must_use]
    pub const fn stands(self) -> bool {
        match self {
            Self::FeatureDisable
            | Self::Drain
            | Self::KillSwitch
            | Self::TripBreaker
            | Self::FreezeRollouts => true,
            Self::AutomaticRollback | Self::OneClickRollback | Self::Restart | Self::Scale => false,
        }
    }
}

/// Which of two actions comes first: the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// Anything else.
    Other,
    /// Going back.
    Rollback,
    /// Turning off.
    KillSwitch,
}

/// What an action changes. Two actions that change the same thing are never under way at once:
/// otherwise neither could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A config.
    Config(ConfigId),
    /// A service.
    Service(ServiceId),
    /// Where the users of a region go.
    Region(RegionId),
    /// Whether rollouts may widen.
    Rollouts,
}

impl Action {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::AutomaticRollback { .. } => ActionKind::AutomaticRollback,
            Self::OneClickRollback { .. } => ActionKind::OneClickRollback,
            Self::FeatureDisable { .. } => ActionKind::FeatureDisable,
            Self::Drain { .. } => ActionKind::Drain,
            Self::Restart { .. } => ActionKind::Restart,
            Self::Scale { .. } => ActionKind::Scale,
            Self::KillSwitch(_) => ActionKind::KillSwitch,
            Self::TripBreaker { .. } => ActionKind::TripBreaker,
            Self::FreezeRollouts => ActionKind::FreezeRollouts,
        }
    }

    /// What it changes.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        match *self {
            Self::AutomaticRollback {
                config, service, ..
            }
            | Self::OneClickRollback {
                config, service, ..
            } => alloc::vec![Subject::Config(config), Subject::Service(service)],
            Self::FeatureDisable { service, .. }
            | Self::Restart { service, .. }
            | Self::Scale { service, .. }
            | Self::KillSwitch(KillScope::Service(service))
            | Self::TripBreaker {
                caller: service, ..
            } => alloc::vec![Subject::Service(service)],
            Self::Drain { region } => alloc::vec![Subject::Region(region)],
            Self::KillSwitch(KillScope::Config(config)) => alloc::vec![Subject::Config(config)],
            Self::FreezeRollouts => alloc::vec![Subject::Rollouts],
        }
    }

    /// Whether both change the same thing.
    #[must_use]
    pub fn collides(&self, other: &Self) -> bool {
        let others = other.subjects();
        self.subjects()
            .iter()
            .any(|subject| others.contains(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_switch_comes_before_a_rollback_and_that_before_everything_else() {
        for kind in ActionKind::ALL {
            let expected = match kind {
                ActionKind::KillSwitch => Precedence::KillSwitch,
                ActionKind::AutomaticRollback | ActionKind::OneClickRollback => {
                    Precedence::Rollback
                }
                ActionKind::FeatureDisable
                | ActionKind::Drain
                | ActionKind::Restart
                | ActionKind::Scale
                | ActionKind::TripBreaker
                | ActionKind::FreezeRollouts => Precedence::Other,
            };
            assert_eq!(kind.precedence(), expected);
        }
        assert!(Precedence::KillSwitch > Precedence::Rollback);
        assert!(Precedence::Rollback > Precedence::Other);
    }

    #[test]
    fn a_rollback_collides_with_the_kill_switch_of_its_config_or_service() {
        let rollback = Action::OneClickRollback {
            rollout: RolloutId(0),
            config: ConfigId(1),
            service: ServiceId(2),
        };
        let kill = |scope| Action::KillSwitch(scope);
        assert!(rollback.collides(&kill(KillScope::Config(ConfigId(1)))));
        assert!(rollback.collides(&kill(KillScope::Service(ServiceId(2)))));
        assert!(!rollback.collides(&kill(KillScope::Config(ConfigId(2)))));
        assert!(!rollback.collides(&Action::FreezeRollouts));
    }
}
