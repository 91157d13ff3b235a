//! Who is asked, and how an incident goes from the first alert to the all-clear. Knows nothing of
//! how anything is fixed.
//!
//! # The map
//!
//! | file | owns |
//! | --- | --- |
//! | `desk` | the small desk: one incident at a time, one person to page |
//! | `schedule` | who is on call when |
//! | `ownership` | whose service it is, and how its team is paged |
//! | `escalation` | whom to page next, and when to stop |
//! | `pager`, `page` | the escalations of all incidents; pages and what became of them |
//! | `lifecycle` | the phases of an incident and the table of legal moves |
//! | `severity` | how bad it is, from what users feel |
//! | `roles` | who commands, writes, tells, changes and knows |
//! | `channel` | what happened and what was said, as data |
//! | `status` | what those outside are told, and by when |
//! | `book` | many incidents at once: joining, storms, merging; composes the others |

mod book;
mod channel;
mod desk;
mod escalation;
mod lifecycle;
mod ownership;
mod page;
mod pager;
mod roles;
mod schedule;
mod severity;
mod status;

pub use book::{
    BookError, BookEvent, BookInput, BookSetup, DedupKey, FlowPolicy, GroupBy, Grouping,
    IncidentBook, IncidentRecord, JoinReason, StormPolicy,
};
pub use channel::{Channel, ENTRIES_MAX, Entry, EvidenceSource, Remark, Said, Stance};
pub use desk::{Incident, IncidentDesk, IncidentEvent, IncidentState, PagingPolicy};
pub use escalation::{
    ACKNOWLEDGE_TIMEOUT, Assignment, EscalationError, EscalationPolicy, Level, PageTarget, Rung,
};
pub use lifecycle::{Facts, Guard, Lifecycle, MOVES, MoveError, Moved, Phase, Reason, dot};
pub use ownership::{OwnershipRule, Roster, RosterError, Team};
pub use page::{Hop, Page, PageFate, PagerError, PagerEvent, Standing};
pub use pager::{Escalation, Pager};
pub use roles::{IncidentRole, Offer, RoleChange, RoleError, Roles, Tenure, TenureEnd};
pub use schedule::{
    DAY, Layer, Override, Restriction, Schedule, ScheduleError, UTC_OFFSET_S_MAX, WEEK, WeekClock,
};
pub use severity::{
    Impact, Severity, SeverityCause, SeverityChange, SeverityPolicy, SeverityTrack, Threshold,
};
pub use status::{Audience, Miss, Post, PostKind, StatusPage, StatusPolicy};
