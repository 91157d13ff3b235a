//! Status pages: what those outside the response are told, and by when.
//!
//! PagerDuty's response guide asks for a first post within five minutes of the call and for one at
//! least every twenty minutes after it
//! (<https://response.pagerduty.com/during/during_an_incident/>).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::time::Micros;

use super::severity::Severity;

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Everybody in the organisation.
    Internal,
    /// Users.
    Public,
}

/// When a page must be posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPolicy {
    /// Only for incidents that are at least this bad.
    pub from: Severity,
    /// The first post, counted from when the incident was declared and that bad.
    pub first_within: Micros,
    /// From each post to the next; more than nothing.
    pub update_every: Micros,
    /// The last post, counted from the all-clear.
    pub final_within: Micros,
}

impl StatusPolicy {
    /// The intervals of PagerDuty's guide. From which severity on, and that the last post has as
    /// long as any other, are assumptions.
    #[must_use]
    pub const fn usual(audience: Audience) -> Self {
        Self {
            from: match audience {
                Audience::Internal => Severity::Sev3,
                Audience::Public => Severity::Sev2,
            },
            first_within: Micros::from_mins(5),
            update_every: Micros::from_mins(20),
            final_within: Micros::from_mins(20),
        }
    }
}

/// Which post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PostKind {
    /// That something is wrong.
    First,
    /// How it goes.
    Update,
    /// That it is over.
    Final,
}

/// A post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Who reads it.
    pub audience: Audience,
    /// Which.
    pub kind: PostKind,
    /// Who wrote it.
    pub by: PersonId,
    /// When.
    pub at: Micros,
    /// How long after its deadline; nothing when in time.
    pub late: Micros,
}

/// A deadline that passed without a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Who waits.
    pub audience: Audience,
    /// For which post.
    pub kind: PostKind,
    /// When it was due.
    pub due: Micros,
}

/// A post that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owed {
    kind: PostKind,
    due: Micros,
    /// When the next miss is noted: at the deadline, then again at every interval.
    next_miss: Micros,
}

/// The page of one incident for one audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPage {
    audience: Audience,
    policy: StatusPolicy,
    owed: Option<Owed>,
    posts: Vec<Post>,
    misses: Vec<Miss>,
}

impl StatusPage {
    /// A page on which nothing is owed yet.
    #[must_use]
    pub const fn new(audience: Audience, policy: StatusPolicy) -> Self {
        Self {
            audience,
            policy,
            owed: None,
            posts: Vec::new(),
            misses: Vec::new(),
        }
    }

    /// Who reads it.
    #[must_use]
    pub const fn audience(&self) -> Audience {
        self.audience
    }

    /// Every post, oldest first.
    #[must_use]
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// Every deadline that passed, oldest first.
    #[must_use]
    pub fn misses(&self) -> &[Miss] {
        &self.misses
    }

    /// The post that is owed, and its deadline.
    #[must_use]
    pub fn owed(&self) -> Option<(PostKind, Micros)> {
        self.owed.map(|owed| (owed.kind, owed.due))
    }

    /// The incident is declared and this bad. A page that lives already goes on; one whose
    /// incident was over begins anew.
    pub fn begin(&mut self, now: Micros, severity: Severity) {
        let live = matches!(self.owed(), Some((PostKind::First | PostKind::Update, _)));
        if !live && severity <= self.policy.from {
            self.owe(PostKind::First, now + self.policy.first_within);
        }
    }

    /// The incident is over. Whoever was told of it is owed the end; nobody else is owed
    /// anything.
    pub fn over(&mut self, now: Micros) {
        match self.owed() {
            Some((PostKind::Update, _)) => {
                self.owe(PostKind::Final, now + self.policy.final_within);
            }
            Some((PostKind::First, _)) => self.owed = None,
            Some((PostKind::Final, _)) | None => {}
        }
    }

    /// The incident is told of elsewhere: nothing is owed any more.
    pub const fn end(&mut self) {
        self.owed = None;
    }

    /// Somebody posted. `None` when nothing is owed: then there is nothing to say.
    pub fn posted(&mut self, now: Micros, by: PersonId) -> Option<Post> {
        let owed = self.owed?;
        let post = Post {
            audience: self.audience,
            kind: owed.kind,
            by,
            at: now,
            late: now - owed.due,
        };
        self.posts.push(post);
        match owed.kind {
            PostKind::First | PostKind::Update => {
                self.owe(PostKind::Update, now + self.policy.update_every);
            }
            PostKind::Final => self.owed = None,
        }
        Some(post)
    }

    /// When the next miss is noted.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.owed.map(|owed| owed.next_miss)
    }

    /// Notes the deadlines that have passed. A post must come *at* its deadline at the latest, so
    /// what is due now is not missed yet.
    pub fn handle_timeout(&mut self, now: Micros) {
        let every = self.policy.update_every.max(Micros(1));
        while let Some(owed) = &mut self.owed
            && owed.next_miss <= now
        {
            self.misses.push(Miss {
                audience: self.audience,
                kind: owed.kind,
                due: owed.next_miss - Micros(1),
            });
            owed.next_miss = owed.next_miss + every;
        }
    }

    const fn owe(&mut self, kind: PostKind, due: Micros) {
        self.owed = Some(Owed {
            kind,
            due,
            next_miss: due.saturating_add(Micros(1)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: PersonId = PersonId(0);

    #[test]
    fn a_first_post_then_updates_then_the_end() {
        let mut page = page();
        page.begin(mins(10), Severity::Sev2);
        page.begin(mins(11), Severity::Sev0);
        assert_eq!(page.owed(), Some((PostKind::First, mins(15))));
        let kinds: Vec<_> = [14, 30]
            .iter()
            .map(|minute| page.posted(mins(*minute), ANA).unwrap().kind)
            .collect();
        assert_eq!(kinds, [PostKind::First, PostKind::Update]);
        page.over(mins(40));
        assert_eq!(page.owed(), Some((PostKind::Final, mins(60))));
        page.over(mins(50));
        let end = page.posted(mins(60), ANA).unwrap();
        assert_eq!((end.kind, end.late), (PostKind::Final, Micros::ZERO));
        assert_eq!(page.posted(mins(61), ANA), None);
        page.handle_timeout(mins(1_000));
        assert_eq!(page.misses(), []);
    }

    #[test]
    fn every_deadline_that_passes_is_a_miss_and_the_post_is_late() {
        let mut page = page();
        page.begin(mins(0), Severity::Sev2);
        page.handle_timeout(mins(5));
        assert_eq!(page.misses(), [], "at the deadline is in time");
        page.handle_timeout(mins(46));
        let dues: Vec<_> = page.misses().iter().map(|miss| miss.due).collect();
        assert_eq!(dues, [mins(5), mins(25), mins(45)]);
        assert_eq!(page.posted(mins(46), ANA).unwrap().late, mins(41));
        assert_eq!(page.owed(), Some((PostKind::Update, mins(66))));
    }

    #[test]
    fn who_was_told_nothing_is_owed_nothing() {
        let mut page = page();
        page.begin(mins(0), Severity::Sev3);
        assert_eq!(page.owed(), None, "not bad enough");
        page.begin(mins(1), Severity::Sev2);
        page.over(mins(2));
        assert_eq!(page.owed(), None);
        page.begin(mins(3), Severity::Sev2);
        assert_eq!(page.owed(), Some((PostKind::First, mins(8))), "reopened");
    }

    fn page() -> StatusPage {
        let policy = StatusPolicy::usual(Audience::Public);
        StatusPage::new(Audience::Public, policy)
    }

    const fn mins(minutes: u64) -> Micros {
        Micros::from_mins(minutes)
    }
}
