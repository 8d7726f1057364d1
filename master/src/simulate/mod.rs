//! The real scheduler against simulated nodes.
//!
//! [`run`] plays one image on simulated nodes: discrete events, a clock of its own, every random choice from a seed.
//! The same [`crate::schedule::Scheduler`] that steers `td render` decides; it is told no more than it would be told by
//! agents: speeds measured within some 20 %, a coarse probe some seconds late, and what finished blocks cost. Beside it
//! stand three methods from the literature as references ([`Method`]).

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
pub use options::{Method, OptionsError, SimulateOptions, SpeedChange};
pub use outcome::{SimEvent, SimEventKind, Summary};

/// Simulates one image; `heard` gets every event in order of time. The last event's time is the makespan.
pub fn run(options: &SimulateOptions, heard: &mut dyn FnMut(SimEvent)) -> Result<Summary, OptionsError> {
    options.check()?;
    match options.method {
        Method::Td => engine::run(options, heard),
        Method::EqualStrips | Method::GuidedSelfScheduling | Method::Factoring => Ok(reference::run(options, heard)),
    }
}
