//! The agents: one client per agent, and the agent that td starts itself.

pub mod client;
pub mod embedded;
pub mod stream;
