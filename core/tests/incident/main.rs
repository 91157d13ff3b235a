//! Incidents from outside: the rules of paging, and what must hold whatever happens.

mod book;
mod book_properties;
mod lifecycle;
mod paging;
mod paging_properties;
