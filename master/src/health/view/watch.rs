//! The table on a terminal, again and again in the same place.
//!
//! On the terminal's other screen, so that what was there before comes back at the end. Each picture is one write that
//! overwrites the old one line by line: nothing is cleared first, so nothing flickers.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::tcgetwinsize;

/// The other screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
/// The cursor back, colours off, and the screen that was there.
const LEAVE: &str = "\x1b[?25h\x1b[0m\x1b[?1049l";

/// Whether the other screen is shown.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// The other screen. Whatever ends it, the terminal is as it was: dropping it, a panic too.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Shows it.
    ///
    /// # Errors
    /// When nothing can be written to standard output.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                leave();
                before(panic);
            }));
        });
        SHOWN.store(true, Ordering::SeqCst);
        write(ENTER)?;
        Ok(Self(()))
    }

    /// Ctrl-Z: the shell gets the terminal as it was, and when this process is continued the other screen is back.
    ///
    /// # Errors
    /// When the process cannot stop itself, or the terminal is gone.
    pub fn suspend(&self) -> io::Result<()> {
        leave();
        kill_process(getpid(), Signal::STOP)?;
        SHOWN.store(true, Ordering::SeqCst);
        write(ENTER)
    }

    /// Shows these lines, as many of them as there is room for.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&self, lines: &[String]) -> io::Result<()> {
        let height = tcgetwinsize(io::stdout()).map_or(24, |size| usize::from(size.ws_row));
        write(&frame(lines, height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Shows the screen that was there before.
pub fn leave() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// `06:31:20` of a moment in seconds since 1970.
#[must_use]
pub fn time_of_day(seconds: f64) -> String {
    let second = seconds.max(0.0) as u64 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// One picture: from the upper left corner, each line's rest erased behind it, and the lines below.
#[must_use]
pub fn frame(lines: &[String], height: usize) -> String {
    let height = height.max(2);
    let mut out = String::from("\x1b[H");
    let fits = lines.len() <= height;
    let shown = if fits { lines.len() } else { height - 1 };
    let mut kept: Vec<&str> = lines.iter().take(shown).map(String::as_str).collect();
    let more = format!("... and {} more lines: a higher window shows them", lines.len() - shown);
    if !fits {
        kept.push(&more);
    }
    for (number, line) in kept.iter().enumerate() {
        let end = if number + 1 < kept.len() { "\r\n" } else { "" };
        let _ = write!(out, "{line}\x1b[K{end}");
    }
    out.push_str("\x1b[J");
    out
}

#[cfg(test)]
mod tests {
    use super::{frame, time_of_day};

    #[test]
    fn a_picture_never_scrolls_and_never_clears_first() {
        let lines: Vec<String> = (0..5).map(|n| format!("line {n}")).collect();
        let all = frame(&lines, 5);
        assert_eq!(all.matches("\r\n").count(), 4);
        assert!(all.starts_with("\x1b[Hline 0\x1b[K\r\n") && all.ends_with("line 4\x1b[K\x1b[J"), "{all:?}");
        let cut = frame(&lines, 3);
        assert_eq!(cut.matches("\r\n").count(), 2);
        assert!(cut.contains("and 3 more lines"), "{cut:?}");
        assert!(!all.contains("\x1b[2J"));
    }

    #[test]
    fn times_of_day() {
        assert_eq!(time_of_day(86_400.0 * 3.0 + 3723.9), "01:02:03");
    }
}
