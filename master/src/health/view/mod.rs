//! What people and programs get to see of a survey. All but [`watch`] are pure: a survey in, text out.

pub mod explain;
mod fold;
pub mod history;
pub mod json;
pub mod nagios;
pub mod node;
mod paint;
pub mod prometheus;
pub mod table;
pub mod watch;
mod wrap;

#[cfg(test)]
pub mod samples;

pub use paint::Paint;
