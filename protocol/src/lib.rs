//! What td's master and its agents say to each other.
//!
//! The master speaks HTTP to each agent. Requests and answers are JSON ([`hello`], [`job`], [`strip`], [`probe`]);
//! a running strip answers with a stream of [`frame`]s, each a small JSON event and, for finished rows, a
//! [`segment`]: pixels already filtered and deflated, ready to be put into a PNG as they are.
//!
//! Nothing here touches a socket, a clock or a file: both sides, the tests and the fuzz targets use the same code.

pub mod bundle;
pub mod classic;
pub mod converge;
pub mod frame;
pub mod hash;
pub mod health;
pub mod hello;
pub mod job;
pub mod options;
pub mod pixel;
pub mod probe;
pub mod rows;
pub mod segment;
pub mod share;
pub mod strip;
pub mod version;
