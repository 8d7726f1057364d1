//! What `td-provision` and an agent say to each other about a node's state.
//!
//! `td-agent facts` prints one [`Facts`](facts::Facts) document. `td-agent converge` reads one
//! [`DesiredState`](desired::DesiredState) from standard input and writes [`Event`](event::Event)s as JSON lines to
//! standard output: what the node is, what of each [`Resource`](resource::Resource) differs, what was done, what the
//! proofs showed, and last a `done` (or a `refused`, when nothing was touched).
//!
//! A plan has a [digest](digest::Pending): `converge --plan` prints it, and an `--apply` that is given it in
//! [`DesiredState::plan`](desired::DesiredState::plan) does these changes and no others. When the node changed in
//! between, its own digest differs, and it refuses before it touches anything.
//!
//! What is secret, the private key, is in the desired state and on the node, and nowhere else: no diff, no event, no
//! `Debug` shows it.

pub mod board;
pub mod check;
pub mod desired;
pub mod digest;
pub mod event;
pub mod facts;
pub mod kind;
pub mod resource;
pub mod values;
