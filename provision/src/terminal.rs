//! Questions to the person at the terminal, one at a time, whatever many nodes want to know.
//!
//! Asked is on `/dev/tty`, as ssh does, so that output may go into a file. Where there is no terminal nobody is asked, and
//! the caller says what it would have needed.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroize as _;

use crate::secret::Secret;

/// The terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Held while a question is open.
    turn: tokio::sync::Mutex<()>,
    /// Bars to be hidden meanwhile.
    bars: MultiProgress,
    /// Whether somebody may be asked at all.
    asks: bool,
}

/// How the terminal was before its echo was switched off; for [`restore`].
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

impl Terminal {
    /// The terminal of this process, with the bars that are drawn on it.
    pub fn new(bars: MultiProgress) -> Terminal {
        Terminal { turn: tokio::sync::Mutex::new(()), bars, asks: open().is_some() }
    }

    /// Whether there is somebody to ask.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Takes the turn to ask; the guard keeps others waiting, so that what belongs together is asked together.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The answer to a question, without the line end; `None` where nobody can be asked or the input ended.
    /// To be called with the [`turn`](Self::turn).
    pub async fn line(&self, question: &str) -> Option<String> {
        self.ask(question, false).await
    }

    /// As [`line`](Self::line), without echo.
    pub async fn secret(&self, question: &str) -> Option<Secret> {
        self.ask(question, true).await.map(Secret::new)
    }

    async fn ask(&self, question: &str, hidden: bool) -> Option<String> {
        if !self.asks {
            return None;
        }
        let _hidden = Hidden::begin(&self.bars);
        let question = question.to_owned();
        tokio::task::spawn_blocking(move || read(&question, hidden)).await.ok()?.ok()?
    }
}

/// The bars are not drawn until dropped. `MultiProgress::suspend` would do the same and hold their lock meanwhile, which
/// every report of another node needs: nobody's work may wait for a person's answer, nor may Ctrl-C.
struct Hidden<'a> {
    bars: &'a MultiProgress,
    /// Whether they were drawn before.
    drawn: bool,
}

impl Hidden<'_> {
    fn begin(bars: &MultiProgress) -> Hidden<'_> {
        let drawn = !bars.is_hidden();
        if drawn {
            // What cannot be cleared stays on the screen, above the question.
            let _ = bars.clear();
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Hidden { bars, drawn }
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if self.drawn {
            self.bars.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

fn open() -> Option<File> {
    File::options().read(true).write(true).open("/dev/tty").ok()
}

fn read(question: &str, hidden: bool) -> io::Result<Option<String>> {
    let Some(tty) = open() else {
        return Ok(None);
    };
    let mut out = &tty;
    // Before the question, so that nobody can answer it while the echo is still on.
    let _guard = hidden.then(|| NoEcho::begin(&tty)).transpose()?;
    out.write_all(question.as_bytes())?;
    out.flush()?;
    let mut bytes = Vec::new();
    // Unbuffered would be one call per byte; what is read too much here nobody else would read either.
    let count = BufReader::new(&tty).read_until(b'\n', &mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
    bytes.zeroize();
    if hidden {
        out.write_all(b"\n")?;
    }
    Ok((count > 0).then_some(text))
}

/// Echo off until dropped.
struct NoEcho;

impl NoEcho {
    fn begin(tty: &File) -> io::Result<NoEcho> {
        let before = tcgetattr(tty)?;
        let mut after = before.clone();
        after.local_modes.remove(LocalModes::ECHO);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(tty, OptionalActions::Flush, &after)?;
        Ok(NoEcho)
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        restore();
    }
}

/// Switches the echo on again where a question was interrupted. To be called before the process ends.
pub fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(before), Some(tty)) = (before, open()) {
        // Nothing better can be done where even that fails.
        let _ = tcsetattr(&tty, OptionalActions::Now, &before);
    }
}
