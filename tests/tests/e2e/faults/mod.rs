//! Faults on real processes: real agents, real POV-Ray, a real master, and somebody who pulls plugs.
//!
//! Each row of docs/faults.md is one test here (or beside, for the master's own ends). It asserts the exact picture, or a
//! clear end with everything kept that was finished; that nothing is left behind; and prints what was seen. Those that
//! have to wait long are `#[ignore]`d and run by `make e2e`.

mod agents;
mod answers;
mod brought;
mod cables;
mod clocks;
pub mod cluster;
mod disk;
mod fitness;
mod late;
mod masters;
mod pixels;
mod proxy;
mod rests;
mod spares;
mod stops;
mod witnesses;
