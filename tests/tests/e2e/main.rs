//! td from the outside: the real binaries, real agents, real POV-Ray.
//!
//! Each module is one thing a person does, or one thing that goes wrong. A test asks for the words that the person
//! needs to go on, and that nothing is left behind; what a whole screen looks like is for snapshots.

mod scenes;

mod agent;
mod armv6;
mod choices;
mod classic;
mod cluster;
mod cluster_faults;
mod evil_agents;
mod exact;
mod faults;
mod groups;
mod health;
mod interrupted;
mod jobs;
mod large;
mod long_waits;
mod memory;
mod no_room;
mod nodes;
mod output;
mod own_view;
mod paths;
mod povray_fails;
mod provision;
mod readers;
mod refused;
mod scene_input;
mod screens;
mod share;
mod simulate;
mod steals;
