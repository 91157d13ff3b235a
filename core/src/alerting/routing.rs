//! Which alerts go to whom: a tree of routes, walked depth-first.
//!
//! An alert enters at the root and goes into the first child whose matchers it meets; a child
//! that `continues` lets later siblings have it too. Where no child takes it, it stays. What a
//! route does not say it has from its parent. Source: the documentation of Prometheus
//! Alertmanager, section "Route-related settings".

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{ReceiverId, RouteId};
use crate::time::Micros;

use super::labels::{LabelSet, Matcher, all_match};

/// How alerts of a route are put into groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// By the values of these labels; by none of them makes one group.
    Labels(Vec<String>),
    /// By all labels: every alert is a group of its own.
    All,
}

/// When a group of a route is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTiming {
    /// From the first alert of a group to its first notification.
    pub wait: Micros,
    /// Between later looks at the group; above zero.
    pub interval: Micros,
    /// After which the same alerts are told again.
    pub repeat: Micros,
}

impl Default for GroupTiming {
    /// 30 seconds, 5 minutes, 4 hours: Alertmanager's.
    fn default() -> Self {
        Self {
            wait: Micros::from_secs(30),
            interval: Micros::from_mins(5),
            repeat: Micros::from_hours(4),
        }
    }
}

/// The times that a route gives itself: what is absent comes from the parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimingSpec {
    /// See [`GroupTiming::wait`].
    pub wait: Option<Micros>,
    /// See [`GroupTiming::interval`].
    pub interval: Option<Micros>,
    /// See [`GroupTiming::repeat`].
    pub repeat: Option<Micros>,
}

impl TimingSpec {
    fn or(self, above: GroupTiming) -> GroupTiming {
        GroupTiming {
            wait: self.wait.unwrap_or(above.wait),
            interval: self.interval.unwrap_or(above.interval),
            repeat: self.repeat.unwrap_or(above.repeat),
        }
    }
}

/// A route as somebody writes it: what is absent comes from the parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSpec {
    /// What an alert must meet; the root takes all.
    pub matchers: Vec<Matcher>,
    /// Who is told.
    pub receiver: Option<ReceiverId>,
    /// How alerts are grouped; in one group where nobody says.
    pub group_by: Option<GroupBy>,
    /// When groups are told of; [`GroupTiming::default`] where nobody says.
    pub timing: TimingSpec,
    /// Whether later siblings may have the alert too.
    pub continues: bool,
    /// The children, in the order in which they are tried.
    pub routes: Vec<RouteSpec>,
}

/// A route with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What an alert must meet.
    pub matchers: Vec<Matcher>,
    /// Who is told.
    pub receiver: ReceiverId,
    /// How alerts are grouped.
    pub group_by: GroupBy,
    /// When groups are told of.
    pub timing: GroupTiming,
    /// Whether later siblings may have the alert too.
    pub continues: bool,
    /// The first route after this one and all below it.
    after: u16,
}

/// Why a tree of routes makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
    /// Alerts that do not match the root would reach nobody.
    #[error("the root route must take every alert, so it has no matchers and does not continue")]
    RootIsNarrow,
    /// Nobody is named who could inherit to the others.
    #[error("the root route names no receiver")]
    NoReceiver,
    /// A group would be looked at without end.
    #[error("route {0} looks at its groups every zero seconds")]
    NoInterval(RouteId),
    /// Ids are 16 bits wide.
    #[error("more than 65,535 routes")]
    TooMany,
}

/// All routes, depth-first: a route is followed by its children, and knows where they end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTree {
    routes: Vec<Route>,
}

impl RouteTree {
    /// Fills what is left open.
    ///
    /// # Errors
    ///
    /// When the root does not take every alert or names nobody, an interval is zero, or there
    /// are too many routes.
    pub fn new(root: &RouteSpec) -> Result<Self, RouteError> {
        if !root.matchers.is_empty() || root.continues {
            return Err(RouteError::RootIsNarrow);
        }
        let mut tree = Self { routes: Vec::new() };
        let above = Inherited {
            receiver: root.receiver.ok_or(RouteError::NoReceiver)?,
            group_by: GroupBy::Labels(Vec::new()),
            timing: GroupTiming::default(),
        };
        tree.add(root, &above)?;
        Ok(tree)
    }

    fn add(&mut self, spec: &RouteSpec, above: &Inherited) -> Result<(), RouteError> {
        let index = self.routes.len();
        let id = RouteId(u16::try_from(index).map_err(|_| RouteError::TooMany)?);
        let own = Inherited {
            receiver: spec.receiver.unwrap_or(above.receiver),
            group_by: spec.group_by.as_ref().unwrap_or(&above.group_by).clone(),
            timing: spec.timing.or(above.timing),
        };
        if own.timing.interval == Micros::ZERO {
            return Err(RouteError::NoInterval(id));
        }
        self.routes.push(Route {
            matchers: spec.matchers.clone(),
            receiver: own.receiver,
            group_by: own.group_by.clone(),
            timing: own.timing,
            continues: spec.continues,
            after: 0,
        });
        for child in &spec.routes {
            self.add(child, &own)?;
        }
        self.routes[index].after =
            u16::try_from(self.routes.len()).map_err(|_| RouteError::TooMany)?;
        Ok(())
    }

    /// A route by its id.
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.index())
    }

    /// The routes that an alert ends at: at least one, in the tree's order.
    #[must_use]
    pub fn routes_of(&self, labels: &LabelSet) -> Vec<RouteId> {
        let mut ends = Vec::with_capacity(1);
        self.descend(0, labels, &mut ends);
        ends
    }

    /// Goes into the children of a route that the alert has met; stays where none takes it.
    fn descend(&self, index: u16, labels: &LabelSet, ends: &mut Vec<RouteId>) {
        let after = self.routes[usize::from(index)].after;
        let (mut child, mut taken) = (index + 1, false);
        while child < after {
            let route = &self.routes[usize::from(child)];
            if all_match(&route.matchers, labels) {
                taken = true;
                self.descend(child, labels, ends);
                if !route.continues {
                    return;
                }
            }
            child = route.after;
        }
        if !taken {
            ends.push(RouteId(index));
        }
    }
}

/// What a route hands down.
struct Inherited {
    receiver: ReceiverId,
    group_by: GroupBy,
    timing: GroupTiming,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn route(matcher: Matcher, receiver: u16, routes: Vec<RouteSpec>) -> RouteSpec {
        RouteSpec {
            matchers: vec![matcher],
            receiver: Some(ReceiverId(receiver)),
            routes,
            ..RouteSpec::default()
        }
    }

    fn root(routes: Vec<RouteSpec>) -> RouteSpec {
        RouteSpec {
            receiver: Some(ReceiverId(0)),
            group_by: Some(GroupBy::Labels(vec!["alertname".into()])),
            routes,
            ..RouteSpec::default()
        }
    }

    fn receivers(tree: &RouteTree, labels: &[(&str, &str)]) -> Vec<u16> {
        let labels = LabelSet::new(labels.iter().copied());
        let ends = tree.routes_of(&labels);
        ends.iter()
            .map(|id| tree.route(*id).unwrap().receiver.0)
            .collect()
    }

    #[test]
    fn the_deepest_first_match_takes_it() {
        let cart = route(Matcher::equal("service", "cart"), 2, vec![]);
        let tree = RouteTree::new(&root(vec![
            route(Matcher::equal("team", "shop"), 1, vec![cart]),
            route(Matcher::equal("service", "cart"), 3, vec![]),
        ]))
        .unwrap();
        assert_eq!(
            receivers(&tree, &[("team", "shop"), ("service", "cart")]),
            [2]
        );
        assert_eq!(
            receivers(&tree, &[("team", "shop"), ("service", "pay")]),
            [1]
        );
        assert_eq!(receivers(&tree, &[("service", "cart")]), [3]);
        assert_eq!(receivers(&tree, &[("service", "pay")]), [0]);
    }

    #[test]
    fn continue_lets_later_siblings_have_it_too() {
        let mut audit = route(Matcher::equal("severity", "page"), 1, vec![]);
        audit.continues = true;
        let tree = RouteTree::new(&root(vec![
            audit,
            route(Matcher::equal("team", "shop"), 2, vec![]),
            route(Matcher::equal("team", "shop"), 3, vec![]),
        ]));
        let tree = tree.unwrap();
        assert_eq!(
            receivers(&tree, &[("severity", "page"), ("team", "shop")]),
            [1, 2]
        );
        // Taken by a child, so not by the parent.
        assert_eq!(receivers(&tree, &[("severity", "page")]), [1]);
    }

    #[test]
    fn children_inherit_what_they_leave_open() {
        let mut child = route(Matcher::equal("team", "shop"), 5, vec![]);
        child.timing.repeat = Some(Micros::from_hours(9));
        child.routes = vec![RouteSpec {
            matchers: vec![Matcher::equal("severity", "page")],
            timing: TimingSpec {
                wait: Some(Micros::from_secs(1)),
                ..TimingSpec::default()
            },
            ..RouteSpec::default()
        }];
        let tree = RouteTree::new(&root(vec![child])).unwrap();
        let (middle, leaf) = (tree.route(RouteId(1)), tree.route(RouteId(2)));
        let (middle, leaf) = (middle.unwrap(), leaf.unwrap());
        assert_eq!(middle.group_by, GroupBy::Labels(vec!["alertname".into()]));
        let mut timing = GroupTiming {
            repeat: Micros::from_hours(9),
            ..GroupTiming::default()
        };
        assert_eq!(middle.timing, timing);
        timing.wait = Micros::from_secs(1);
        assert_eq!((leaf.receiver, leaf.timing), (ReceiverId(5), timing));
    }

    #[test]
    fn a_tree_that_could_lose_alerts_is_refused() {
        let narrow = route(Matcher::equal("a", "b"), 0, vec![]);
        assert_eq!(RouteTree::new(&narrow), Err(RouteError::RootIsNarrow));
        let nobody = RouteSpec::default();
        assert_eq!(RouteTree::new(&nobody), Err(RouteError::NoReceiver));
        let mut restless = root(vec![]);
        restless.timing.interval = Some(Micros::ZERO);
        let refused = RouteTree::new(&restless);
        assert_eq!(refused, Err(RouteError::NoInterval(RouteId(0))));
    }
}
