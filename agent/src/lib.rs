//! td's agent: what runs on each node.
//!
//! `serve` takes requests of a master. An open job ([`jobs`]) names a bundle, whose contents lie in [`store`]; each of
//! its strips is one POV-Ray ([`povray`]) in a folder of its own ([`scratch`]), followed by a thread ([`strip`]) that
//! turns finished blocks into segments ([`pixels`]) and sends them. [`fingerprint`] tells at the start what this
//! node's POV-Ray draws like, [`probe`] what a job's options and scene need.
//!
//! [`health`] is what the node says of itself; what takes root to see, `probe` finds out.
//!
//! `facts` and `converge` are for whoever sets the node up ([`converge`]).

pub mod agent;
pub mod classic;
pub mod cli;
pub mod clock;
pub mod converge;
pub mod fingerprint;
pub mod first_pass;
pub mod health;
pub mod jobs;
pub mod lifeline;
pub mod lock;
pub mod looks;
pub mod pixels;
pub mod povray;
pub mod priority;
pub mod probe;
pub mod renderer;
pub mod row_work;
pub mod scratch;
pub mod self_test;
pub mod serve;
pub mod slots;
pub mod spares;
pub mod store;
pub mod strip;
pub mod systemd;
pub mod view;
