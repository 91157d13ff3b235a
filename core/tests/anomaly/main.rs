//! The anomaly detector on series whose makers are known.

mod calibration;
mod detection;
mod families;
mod odd_input;
mod series;
#[path = "../support/split_mix.rs"]
mod split_mix;
