//! POV-Ray itself: finding it, its command line, one running process, and what its end means.

pub mod command;
pub mod ending;
pub mod follow;
pub mod gate;
pub mod large_file;
pub mod locate;
pub mod process;
pub mod steady_cpu;
pub mod watch;
