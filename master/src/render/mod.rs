//! `td render`: from a scene to its picture.
//!
//! [`request`] is what was asked for. [`prepare`] reads and checks everything before anything is touched. [`muster`] asks the
//! agents, [`crew`] keeps those that draw alike ([`groups`]), [`policy`] decides from the scene's class how it may be shared
//! out, and where there is a choice the user is asked (`choice`). [`attempt`] opens the job on them ([`opening`]); its loop
//! ([`looping`]) renders all rows into the spool; what it hears of the agents comes from [`strips`]. [`flow`] puts these in
//! order, and [`report`] tells how the time was spent.
//! Meanwhile the job is written down ([`written`], [`crate::jobs`]), so that another td can go on with it (`resuming`).

pub mod account;
mod actions;
pub mod attempt;
mod brought;
mod choice;
pub mod crew;
mod disputes;
pub mod failure;
mod finished;
pub mod first_pass;
mod fitness;
pub mod flow;
pub mod groups;
mod heard;
mod heartbeat;
mod held;
mod jury;
pub mod kept_open;
mod looping;
mod losing;
pub mod memory;
pub mod muster;
pub mod opening;
pub mod own_probe;
pub mod policy;
pub mod prepare;
pub mod probing;
mod recall;
pub mod report;
pub mod request;
mod resuming;
mod scene_failure;
mod strip_events;
mod strips;
mod tally;
mod through_share;
mod verify;
mod verifying;
mod wait_for_map;
pub mod written;
