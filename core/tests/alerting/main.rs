//! Alerts from rule to receiver, and the changes that are suspected of them.

mod desk;
mod grouping_times;
mod no_lost_alert;
mod refusals;
