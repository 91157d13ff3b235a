//! One file per subcommand.

pub(crate) mod anomaly;
pub(crate) mod explain;
pub(crate) mod judge;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod power;
pub(crate) mod run;
pub(crate) mod schema;
