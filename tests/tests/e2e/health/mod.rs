//! `td health` from the outside: what people see, what programs read, and nodes that do not answer.

mod answers;
mod nagios;
mod programs;
mod terminal;
mod unreachable;
mod views;
