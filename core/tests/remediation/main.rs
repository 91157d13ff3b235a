//! Remediation from outside: the rules of each action, and what must hold whatever happens.

mod properties;
mod rules;
