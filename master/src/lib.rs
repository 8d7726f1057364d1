//! The master: everything behind the `td` program.

pub mod scene;
