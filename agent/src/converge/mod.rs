//! `td-agent facts` and `td-agent converge`: what a node is, and making it what it should be.
//!
//! The desired state comes as JSON on standard input, events go as JSON lines to standard output
//! ([`td_protocol::converge`]). Each kind of resource has a file of its own with the three things that can be done with
//! it: look ([`node::Converge::check`]), make it so, take it back. What they write is decided by functions from text to
//! text without I/O ([`boot::config`], [`hosts`], [`mounts::fstab`], [`service::unit`] ...), so that it can be tested
//! with every text that a node may have.
//!
//! A look costs next to nothing: dpkg's status, systemd's links and control groups, mountinfo and /etc are read as files.
//! The one program that a look starts is vcgencmd, and apt-get where packages are missing.
//!
//! What td changes it can take back: blocks between marks in other people's files, files of its own elsewhere, and a copy
//! of each edited file as it was. Files are replaced whole ([`replace`]), one apply at a time ([`lock`]); asked to stop, an
//! apply finishes the resource under way ([`stop`]), and the next one does the rest.

pub mod account;
pub mod accounts;
pub mod block;
pub mod boot;
pub mod child;
pub mod clock;
pub mod cloud_init;
pub mod command;
pub mod diff;
pub mod directory;
pub mod facts;
pub mod failure;
pub mod file;
pub mod hostname;
pub mod hosts;
pub mod lock;
pub mod mounts;
pub mod nfs;
pub mod node;
pub mod packages;
pub mod proof;
pub mod replace;
pub mod report;
pub mod run;
pub mod service;
pub mod stop;
pub mod units;
