//! The real `td-build-agent` on machines made of small scripts: each has just the tools that a test is about.

mod machine;
mod refused;
mod runs;
