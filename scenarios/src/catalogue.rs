//! What comes with the tool: scenarios, worlds, rollout plans and mixes of defects, as files in the
//! binary.

/// A file of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// The folder of the catalogue it is in.
    folder: &'static str,
    /// Its text.
    pub source: &'static str,
}

impl Entry {
    /// The name under which problems in it are reported.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("catalogue/{}/{}.yaml", self.folder, self.name)
    }
}

macro_rules! entries {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(Entry {
            name: $name,
            folder: $folder,
            source: include_str!(concat!("../catalogue/", $folder, "/", $name, ".yaml")),
        }),*]
    };
}

const SCENARIOS: &[Entry] = entries!("scenarios":
    "login-drop",
    "crash-on-load",
    "latency-creep",
    "good-change",
    "noisy-good-change",
    "retry-storm",
    "cache-stampede",
    "cpu-burn",
    "memory-leak",
    "scope-error",
    "peak-only",
    "region-only",
    "interaction",
    "silent-corruption",
    "tooling-poison",
    "slow-stragglers",
    "one-service-crash",
    "web-pool-exhausted",
    "payments-ledger-quota",
    "edge-scope",
    "dns-bad-zone",
    "subtle-errors",
    "dark-canary",
    "log-spew",
    "good-change-by-evidence",
    "automation-misfires",
    "alert-storm",
    "alert-fatigue",
    "wrong-suspect",
    "mixed-defects",
    "kill-switch-saves",
    "breaker-contains-cascade",
    "drain-overloads-neighbour",
    "override-regretted",
    "monitoring-blind",
    "pager-down",
    "distribution-partitioned",
    "rollback-depends-on-victim",
    "no-out-of-band",
    "slow-rollback-adoption",
    "wrong-team",
    "follow-the-sun-handover",
    "two-incidents-at-once",
);
const WORLDS: &[Entry] = entries!("worlds":
    "social",
    "one-service",
    "three-tier-web",
    "payments",
    "edge-cdn",
    "dns",
);
const POLICIES: &[Entry] = entries!("policies":
    "employees-then-waves",
    "canary-then-waves",
    "golden-signals",
    "region-by-region",
    "canary-then-everybody",
    "dark-then-evidence",
    "evidence-then-waves",
);
const MIXES: &[Entry] = entries!("mixes":
    "config-errors",
    "mechanisms",
);

/// The scenarios that come with the tool, in the order in which they are run.
#[must_use]
pub const fn catalogue() -> &'static [Entry] {
    SCENARIOS
}

/// The world presets.
pub fn worlds() -> impl Iterator<Item = &'static Entry> + Clone {
    WORLDS.iter()
}

/// The rollout plans.
pub fn policies() -> impl Iterator<Item = &'static Entry> + Clone {
    POLICIES.iter()
}

/// The mixes of defects.
pub fn mixes() -> impl Iterator<Item = &'static Entry> + Clone {
    MIXES.iter()
}

pub(crate) fn scenario(name: &str) -> Option<&'static Entry> {
    SCENARIOS.iter().find(|entry| entry.name == name)
}

pub(crate) fn world(name: &str) -> Option<&'static Entry> {
    WORLDS.iter().find(|entry| entry.name == name)
}

pub(crate) fn mix(name: &str) -> Option<&'static Entry> {
    MIXES.iter().find(|entry| entry.name == name)
}

pub(crate) fn policy(name: &str) -> Option<&'static Entry> {
    POLICIES.iter().find(|entry| entry.name == name)
}
