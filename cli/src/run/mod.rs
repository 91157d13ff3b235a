//! The rooms of `firedrill run`: which seeds, run (and run again), tell, write.

pub(crate) mod difference;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod reports;
pub(crate) mod seeds;
pub(crate) mod verify;

pub(crate) use firedrill_sim::campaign;
