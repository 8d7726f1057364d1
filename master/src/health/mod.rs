//! `td health`: is every node fit to render, and if not, what is wrong and what to do.
//!
//! Nodes say facts ([`td_protocol::health`]); what is too much or too little is said here, by the inventory's limits.
//!
//! - [`checks`]: one pure function for each thing that can be wrong; [`finding`] is what it says, [`seen`] what it looks at;
//! - [`survey`](mod@survey): all nodes asked side by side, with one deadline;
//! - [`view`]: what people and programs get to see of it;
//! - [`fitness`](mod@fitness): the scheduler's question, answered by the same checks.

pub mod checks;
pub mod finding;
pub mod fitness;
pub mod seen;
pub mod survey;
mod text;
pub mod view;

#[cfg(test)]
mod tests;

pub use checks::{Check, slowed_between};
pub use finding::{Finding, Verdict};
pub use fitness::{Fitness, fitness};
pub use seen::{Expected, Moment, Seen};
