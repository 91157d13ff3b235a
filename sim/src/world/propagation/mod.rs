//! How config gets to instances, forwards and back: distribution tiers, a log-normal body, a tail
//! of stragglers, parts of the fleet that are cut off, instances that only a person can repair.

mod cuts;
mod transfer;

pub(crate) use cuts::Cuts;
pub(crate) use transfer::{Taken, Transfer, Waiting};
