//! The master: everything behind the `td` program.

pub mod options;
pub mod scene;
