//! The master: everything behind the `td` program.
//!
//! [`cli`] reads what was typed, [`options`] POV-Ray's part of it, [`scene`] the scene and its files. [`render`] puts a
//! job together and carries it out: [`fleet`] talks to the agents, [`schedule`] decides who renders which rows,
//! [`compose`] writes the picture, [`progress`] tells the user. [`classic`] is the paper's way, to compare with. [`plan`]
//! stops before anything is rendered; [`simulate`] plays the scheduler against simulated nodes. [`jobs`] writes down what
//! is needed to go on with a job that did not come to its end. [`health`] asks the nodes how they are.

pub mod classic;
pub mod cli;
pub mod compose;
pub mod config;
mod cpu;
pub mod exit;
pub mod fleet;
pub mod health;
pub mod jobs;
pub mod options;
pub mod plan;
pub mod progress;
pub mod render;
pub mod scene;
pub mod schedule;
pub mod simulate;
