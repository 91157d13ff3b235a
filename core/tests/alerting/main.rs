//! Alerts from rule to receiver, and the changes that are suspected of them.

mod blame;
mod burn_table;
mod campaign;
mod desk;
mod draws;
mod grouping_times;
mod no_lost_alert;
mod refusals;
mod rule_states;
#[path = "../support/split_mix.rs"]
mod split_mix;
mod symptoms;
