//! The harness of td's end-to-end tests.
//!
//! The tests drive the real binaries from the outside, the way a person or a script does, and know nothing of
//! their insides. What they need for that is here:
//!
//! - [`programs`] finds the binaries under test, POV-Ray, and its example scenes;
//! - [`sandbox`] gives each test a home of its own and sees to it that nothing is left behind: no process, no
//!   temporary file;
//! - [`cluster`] is an inventory with real agents behind real TLS;
//! - [`process`] runs a program with a time limit and ends the whole group when it is over;
//! - [`reference`](mod@reference) is the picture that one plain POV-Ray makes, kept from run to run;
//! - [`picture`] reads a PNG down to its raw samples and chunks, and [`compare`] says how two differ;
//! - [`events`] reads the lines that `--json` prints;
//! - [`exactness`] is the table of scenes, sizes and switches for which td must draw exactly that picture;
//! - [`nodes`] are machines to provision: containers with systemd, sshd and apt, on a LAN of their own;
//! - [`foreign`] emulates the processor of a Raspberry Pi 1, and brings POV-Rays of other architectures;
//! - [`skip`] is the only way for a test to say that it cannot run here; each skip is named in `SKIPPED.md`.

pub mod cluster;
pub mod compare;
pub mod events;
pub mod exactness;
pub mod foreign;
pub mod nodes;
pub mod picture;
pub mod process;
pub mod programs;
pub mod reference;
pub mod sandbox;
pub mod skip;
