//! What must hold of the tools that people respond with, and of who listens to users.

use firedrill_core::Micros;

use super::check::within;
use super::{Scenario, SpecError, Support, ToolKind, ToolSpec};

impl Scenario {
    pub(super) fn check_tools(&self) -> Result<(), SpecError> {
        for (index, tool) in self.tools.iter().enumerate() {
            self.check_tool(tool)?;
            if self.tools[..index].iter().any(|one| one.kind == tool.kind) {
                return Err(SpecError::Times("there is one tool of a kind at most"));
            }
        }
        self.support.as_ref().map_or(Ok(()), |support| {
            if self.telemetry.user_reports.is_none() {
                return Err(SpecError::Times("support listens to users who report"));
            }
            check_support(support)
        })
    }

    fn check_tool(&self, tool: &ToolSpec) -> Result<(), SpecError> {
        let what = |field: &str| format!("the {field} of the {}", tool.kind);
        within(what("availability"), tool.availability, 0.0, 1.0)?;
        within(what("needed health"), tool.needs_health, 0.0, 1.0)?;
        let count = self.fleet.services.len();
        let unknown = tool.depends_on.iter().find(|id| id.index() >= count);
        if let Some(service) = unknown {
            return Err(SpecError::Unknown {
                what: format!("the {}", tool.kind),
                kind: "service",
                index: service.index(),
                count,
            });
        }
        if tool.outage_mean == Micros::ZERO {
            return Err(SpecError::Times("an outage of a tool takes time"));
        }
        if tool.down.iter().any(|down| down.until <= down.from) {
            return Err(SpecError::Times("an outage of a tool ends after it begins"));
        }
        if tool.kind.is_automatic() && tool.break_glass.is_some() {
            return Err(SpecError::Times(
                "nobody stands by to break the glass of what works by itself",
            ));
        }
        Ok(())
    }
}

impl ToolKind {
    /// Whether it works without anybody who could open sealed credentials for it.
    #[must_use]
    pub const fn is_automatic(self) -> bool {
        match self {
            Self::MetricsStore | Self::AlertSender | Self::Pager => true,
            Self::Dashboards
            | Self::Chat
            | Self::Distribution
            | Self::RollbackService
            | Self::StatusPage => false,
        }
    }
}

fn check_support(support: &Support) -> Result<(), SpecError> {
    within(
        "the reports that support waits for".into(),
        f64::from(support.reports_min),
        1.0,
        1e6,
    )?;
    let sigma = support.calls.sigma;
    within("the sigma of support's call".into(), sigma, 0.0, 3.0)?;
    if support.within == Micros::ZERO {
        return Err(SpecError::Times("support counts reports over some time"));
    }
    Ok(())
}
