//! The real scheduler against simulated nodes.
//!
//! [`run`] plays one image on simulated nodes: discrete events, a clock of its own, every random choice from a seed.
//! The same [`crate::schedule::Scheduler`] that steers `td render` decides, and is told no more than agents would tell it.
//! At the beginning: what a start takes, and speeds measured within 20 %. Later strips that begin to trace, end, fail or are
//! lost with their node, answers to its wishes, and one of two forms of what is seen of the work ([`Told`]):
//! - [`Told::Bands`], the usual one: the coarse map of a probe, some seconds late, and finished bands, each with its CPU
//!   seconds. With no more than that td's bounds are to hold (`benches/simulate.sh`).
//! - [`Told::All`], as in a render: also how long the probe lets expect that the whole takes, within 20 %; and each second
//!   what share of the block at work is finished, after what CPU time.
//!
//! Beside it stand three methods from the literature as references ([`Method`]); they hear only who is free.

mod agents;
mod capacity;
mod dice;
mod engine;
mod faults;
mod happening;
mod maps;
mod node;
mod options;
mod outcome;
mod picture;
pub mod plot;
mod reference;
mod settlement;

pub use maps::{BUILT_IN_MAPS, DEFAULT_MAP, MapError, built_in_map, parse_map};
pub use options::{Method, OptionsError, SimulateOptions, SpeedChange, Told};
pub use outcome::{SimEvent, SimEventKind, Summary};

/// Simulates one image; `heard` gets every event in order of time. The last event's time is the makespan.
pub fn run(options: &SimulateOptions, heard: &mut dyn FnMut(SimEvent)) -> Result<Summary, OptionsError> {
    options.check()?;
    match options.method {
        Method::Td => engine::run(options, heard),
        Method::EqualStrips | Method::GuidedSelfScheduling | Method::Factoring => Ok(reference::run(options, heard)),
    }
}
