//! Hosts and config distribution, honestly: pushes are in flight, may arrive twice or out of
//! order, hosts may be out of reach, a rollback takes every older push of its version with it.

use std::collections::BTreeMap;

use firedrill_core::config::VersionId;
use firedrill_core::ids::{CommandId, ConfigId, RegionId, RolloutId};
use firedrill_core::plane::{Command, Issued};
use firedrill_core::rollout::ExposureReport;

use super::setup::instances;

/// One instance. Service `n` runs config `n`, so the config names the service.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) config: ConfigId,
    pub(crate) region: RegionId,
    pub(crate) version: VersionId,
    pub(crate) reachable: bool,
}

#[derive(Clone, Copy, Debug)]
struct Push {
    id: CommandId,
    version: VersionId,
    instances: u32,
}

/// The hosts and the orders that distribution stands by.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Host>,
    /// The newest push of each version, by config and region. Older versions are still wanted
    /// where newer ones leave room: stragglers of a completed rollout get there in the end.
    pushes: BTreeMap<(ConfigId, RegionId), Vec<Push>>,
    /// The newest rollback of each version: where its hosts go.
    rollbacks: BTreeMap<(ConfigId, VersionId), (CommandId, VersionId)>,
    taken: BTreeMap<RolloutId, CommandId>,
}

impl Fleet {
    /// Every host at the initial version of its config.
    pub(crate) fn new(initial: impl Fn(ConfigId) -> VersionId) -> Self {
        let mut hosts = Vec::new();
        for (service, regions) in instances() {
            let config = ConfigId(service.0);
            for (region, count) in regions {
                let version = initial(config);
                let host = Host {
                    config,
                    region,
                    version,
                    reachable: true,
                };
                hosts.extend((0..count).map(|_| host.clone()));
            }
        }
        Self {
            hosts,
            pushes: BTreeMap::new(),
            rollbacks: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Takes a command over. Taking it twice is taking it once.
    pub(crate) fn take(&mut self, issued: &Issued) {
        let id = issued.id;
        if let Some(rollout) = issued.command.rollout() {
            let newest = self.taken.entry(rollout).or_insert(id);
            *newest = id.max(*newest);
        }
        match issued.command {
            Command::Push {
                config,
                version,
                region,
                instances,
                ..
            } => {
                let push = Push {
                    id,
                    version,
                    instances,
                };
                self.take_push(config, region, push);
            }
            Command::RollBack {
                config, from, to, ..
            } => self.take_rollback(config, from, to, id),
            Command::Act { .. } | Command::Page { .. } => {}
        }
    }

    fn take_push(&mut self, config: ConfigId, region: RegionId, push: Push) {
        let rollback = self.rollbacks.get(&(config, push.version));
        let standing = self.pushes.entry((config, region)).or_default();
        let is_newer = |other: &Push| other.version == push.version && other.id > push.id;
        let is_replaced =
            rollback.is_some_and(|(id, _)| *id > push.id) || standing.iter().any(is_newer);
        if !is_replaced {
            standing.retain(|other| other.version != push.version);
            standing.push(push);
            standing.sort_unstable_by_key(|push| push.id);
        }
    }

    fn take_rollback(&mut self, config: ConfigId, from: VersionId, to: VersionId, id: CommandId) {
        let standing = self.rollbacks.entry((config, from)).or_insert((id, to));
        if standing.0 < id {
            *standing = (id, to);
        }
        for ((of, _), pushes) in &mut self.pushes {
            pushes.retain(|push| *of != config || push.version != from || push.id > id);
        }
    }

    /// Whether distribution has taken a rollback of this version.
    pub(crate) fn is_taken_back(&self, config: ConfigId, version: VersionId) -> bool {
        self.rollbacks.contains_key(&(config, version))
    }

    /// Moves at most `hosts` hosts towards what distribution stands by.
    pub(crate) fn distribute(&mut self, hosts: usize) {
        let mut left = hosts;
        for index in 0..self.hosts.len() {
            let Host {
                config,
                region,
                version,
                reachable,
            } = self.hosts[index].clone();
            let wanted = self.wanted(config, region, version);
            if left > 0 && reachable && wanted != version {
                self.hosts[index].version = wanted;
                left -= 1;
            }
        }
    }

    /// A host that comes back asks first what it should run.
    pub(crate) fn set_reachable(&mut self, index: usize, reachable: bool) {
        let host = self.hosts[index].clone();
        self.hosts[index].reachable = reachable;
        if reachable {
            self.hosts[index].version = self.after_rollbacks(host.config, host.version);
        }
    }

    /// Distribution's own fault: one more host of the region gets `version`, unasked.
    pub(crate) fn overreach(&mut self, config: ConfigId, region: RegionId, version: VersionId) {
        let is_next = |host: &&mut Host| {
            host.config == config
                && host.region == region
                && host.reachable
                && host.version != version
        };
        if let Some(host) = self.hosts.iter_mut().find(is_next) {
            host.version = version;
        }
    }

    /// How many hosts of the region run `version`.
    pub(crate) fn count(
        &self,
        config: ConfigId,
        region: RegionId,
        version: VersionId,
    ) -> ExposureReport {
        let running = self.hosts.iter().filter(|host| {
            host.config == config && host.region == region && host.version == version
        });
        let (mut report, mut unreachable) = (ExposureReport::default(), 0);
        for host in running {
            report.running += 1;
            unreachable += u32::from(!host.reachable);
        }
        report.unreachable = unreachable;
        report
    }

    /// The newest command of a rollout that distribution has taken.
    pub(crate) fn acknowledged(&self, rollout: RolloutId) -> Option<CommandId> {
        self.taken.get(&rollout).copied()
    }

    fn wanted(&self, config: ConfigId, region: RegionId, version: VersionId) -> VersionId {
        let kept = self.after_rollbacks(config, version);
        let pushes = self.pushes.get(&(config, region));
        for push in pushes.into_iter().flatten().rev() {
            if push.version == version {
                return kept;
            }
            if self.count(config, region, push.version).running < push.instances {
                return push.version;
            }
        }
        kept
    }

    /// Follows rollbacks from `version` on, each newer than the one before.
    fn after_rollbacks(&self, config: ConfigId, version: VersionId) -> VersionId {
        let (mut version, mut newest) = (version, None);
        while let Some((id, to)) = self.rollbacks.get(&(config, version)) {
            if newest >= Some(*id) {
                break;
            }
            (version, newest) = (*to, Some(*id));
        }
        version
    }
}
