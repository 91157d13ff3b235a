//! Incidents from outside: the rules of paging, and what must hold whatever happens.

mod lifecycle;
mod paging;
mod paging_properties;
