//! Requests that come: a day curve by local time, weekends, slow drift, scripted events, and
//! counting noise around what these expect.

mod arrivals;
mod curve;
mod drift;
mod events;

pub(crate) use arrivals::{AUDIENCES, Arrivals, EMPLOYEES, PUBLIC};
