//! `td render`: from a scene to its picture.
//!
//! [`prepare`] reads and checks everything before anything is touched. [`crew`] musters the agents, [`policy`] decides
//! from the scene's class how it may be shared out. [`job`] is the loop that renders all rows into the spool; what it
//! hears of the agents comes from [`strips`]. [`flow`] puts these in order, and [`report`] tells how the time was spent.

pub mod crew;
pub mod failure;
pub mod first_pass;
pub mod flow;
mod heard;
mod held;
pub mod job;
mod opening;
pub mod policy;
pub mod prepare;
pub mod probing;
pub mod report;
mod strips;
mod tally;
pub mod workplace;
