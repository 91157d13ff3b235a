//! What tools did to those who needed them.

use firedrill_core::ids::{CommandId, IncidentId, PageId, RolloutId, ServiceId};
use firedrill_core::incident::Audience;
use firedrill_core::{Micros, Ppm};
use serde::Serialize;

use crate::people::Way;
use crate::spec::ToolKind;

/// Something about a tool. Who needs it notices all of this.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolEvent {
    /// It does not work the usual way any more.
    WentDown {
        /// The tool.
        tool: ToolKind,
        /// Why.
        why: ToolTrouble,
        /// Whether there is another way.
        another_way: bool,
    },
    /// It works the usual way again.
    CameBack {
        /// The tool.
        tool: ToolKind,
        /// How long it had not, as far as anybody saw.
        after: Micros,
        /// Scrapes that were lost meanwhile; of a metrics store.
        scrapes_lost: u64,
    },
    /// It was used.
    Used {
        /// The tool.
        tool: ToolKind,
        /// For this.
        purpose: ToolPurpose,
        /// By this way.
        way: Way,
        /// From the wish to the deed, with all waiting.
        took: Micros,
    },
    /// It was needed, and there was no way.
    Failed {
        /// The tool.
        tool: ToolKind,
        /// For this.
        purpose: ToolPurpose,
    },
    /// It is needed, and somebody waits for it, or goes another way that takes time.
    Awaited {
        /// The tool.
        tool: ToolKind,
        /// For this.
        purpose: ToolPurpose,
        /// By the other way; absent when there is none.
        way: Option<Way>,
        /// How long the other way takes.
        takes: Option<Micros>,
    },
    /// What was waited for is not wanted any more.
    Dropped {
        /// The tool.
        tool: ToolKind,
        /// What was wanted.
        purpose: ToolPurpose,
    },
    /// Whoever answered a page cannot look as usual.
    Blind {
        /// The page.
        page: PageId,
        /// What they lack.
        without: Vec<ToolKind>,
    },
}

/// Why a tool does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolTrouble {
    /// By its own doing.
    OwnOutage,
    /// A service that it stands on is ill.
    Service {
        /// The service.
        service: ServiceId,
        /// The share of requests that it answers well.
        health: Ppm,
    },
}

/// What a tool is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolPurpose {
    /// To page somebody.
    Page(PageId),
    /// To carry out a command.
    Command(CommandId),
    /// To order a rollback.
    Order(RolloutId),
    /// To tell those outside.
    Post(IncidentId, Audience),
}
