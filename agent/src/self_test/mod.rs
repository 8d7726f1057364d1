//! `td-agent self-test`: what depends on the processor and on the C library, tried on the node itself.
//!
//! A cross-built agent can be wrong in ways that no test on the machine that built it shows: another libm rounds
//! another way, a table comes out different, an instruction does not exist. Each check compares with a result that is
//! stored in the program. Needs no POV-Ray, no network and no file but a temporary folder.

mod conversion;
mod handshake;
mod hashes;
mod rows;
pub mod speed;

/// What one check found: a few words, or what is wrong.
pub type Finding = Result<String, String>;

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    pub name: &'static str,
    run: fn() -> Finding,
}

/// All checks, the cheap ones first.
pub const CHECKS: [Check; 5] = [
    Check { name: "sha-256", run: hashes::check },
    Check { name: "conversion tables", run: conversion::check },
    Check { name: "state file of a 32-bit POV-Ray", run: rows::check_32 },
    Check { name: "state file of a 64-bit POV-Ray", run: rows::check_64 },
    Check { name: "tls 1.3 handshake", run: handshake::check },
];

/// Runs all checks, prints a line for each, and tells whether all are right.
#[must_use]
pub fn run() -> bool {
    let mut all = true;
    for check in CHECKS {
        match (check.run)() {
            Ok(found) => println!("ok      {}: {found}", check.name),
            Err(wrong) => {
                println!("WRONG   {}: {wrong}", check.name);
                all = false;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes_here() {
        for check in CHECKS {
            assert!((check.run)().is_ok(), "{}: {:?}", check.name, (check.run)());
        }
    }
}
