//! The master: everything behind the `td` program.

pub mod options;
pub mod compose;
pub mod scene;
pub mod schedule;
