//! Rendering a strip: one POV-Ray, followed while it traces, its rows sent as they become whole.

pub mod control;
pub mod events;
pub mod outlet;
pub mod pacing;
pub mod run;
pub mod setting_up;
pub mod standby;
pub mod starting;
pub mod waiting;
