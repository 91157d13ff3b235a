//! A defect in words: [`mechanism`] tells what it does, [`onset`] when, [`sight`] who can see it
//! and what keeps it out of a judge's sight.

mod mechanism;
mod onset;
mod sight;
#[cfg(test)]
mod tests;

pub(super) use mechanism::tell;
pub(super) use onset::{beside, limited_to, when};
pub(super) use sight::{Veil, places, relevant_check, sees, veils, victim};
