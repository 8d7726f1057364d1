//! Who gets the processor of a node first: who answers, then who reads and sends rows, then POV-Ray.
//!
//! A node of one core so answers questions in the middle of a picture, and rows leave it as soon as they are finished: beside a
//! POV-Ray of the same nice value the scheduler would let a thread that sends wait for as long as it works, and the end of a strip,
//! at which POV-Ray already writes a picture that nobody reads, came up to a second late on a Raspberry Pi 1.

use std::cell::Cell;

/// Nice levels from the server to the threads that render, and from these to their POV-Rays.
const WEAKER: i32 = 5;

thread_local! {
    static GIVES_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Makes the calling thread weaker than the one that serves, and the POV-Rays that it starts weaker still.
pub fn give_way() {
    // A thread's nice value is its own on Linux. Where it is refused, answers are slower.
    let _ = rustix::process::nice(WEAKER);
    GIVES_WAY.set(true);
}

/// Whether the calling thread's POV-Rays give way to it.
#[must_use]
pub fn povray_gives_way() -> bool {
    GIVES_WAY.get()
}

/// Makes a POV-Ray that is about to run weaker than the thread that started it. Only a system call: it may be called between fork
/// and exec.
pub fn weaken_povray() {
    let _ = rustix::process::nice(WEAKER);
}
