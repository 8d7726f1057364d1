//! Whether the boot before this one ended in order.
//!
//! A file in the cache has the boot in which the agent last ran, and whether it was told to stop by then. It is written
//! when the agent starts and when it stops: a kernel that dies, or a plug that is pulled, leaves it at "not stopped".

use std::io::Write as _;
use std::path::{Path, PathBuf};

const FILE: &str = "boot";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    boot_id: String,
    stopped: bool,
    /// The same of the boot before that.
    before: Option<bool>,
}

/// The mark of this boot.
#[derive(Debug)]
pub struct Boots {
    path: PathBuf,
    kept: Kept,
}

impl Boots {
    /// Notes that the agent runs in this boot.
    #[must_use]
    pub fn begin(cache: &Path, boot_id: &str) -> Self {
        let path = cache.join(FILE);
        let old = std::fs::read_to_string(&path).ok().and_then(|text| parse(&text));
        let kept = now(old, boot_id);
        let boots = Self { path, kept };
        boots.write();
        boots
    }

    /// Whether the boot before this one ended in order; none where that is not known.
    #[must_use]
    pub fn shut_down_in_order(&self) -> Option<bool> {
        self.kept.before
    }

    /// Notes that the agent was told to stop.
    pub fn end(&self) {
        Self { path: self.path.clone(), kept: Kept { stopped: true, ..self.kept.clone() } }.write();
    }

    fn write(&self) {
        let Kept { boot_id, stopped, before } = &self.kept;
        let word = |is: bool| if is { "yes" } else { "no" };
        let text = format!("{boot_id} {} {}\n", word(*stopped), before.map_or("unknown", word));
        let new = self.path.with_extension("new");
        // On the medium before it counts: the power may go at any time.
        let written = std::fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)
        });
        if let Err(error) = written {
            tracing::warn!("how this boot ends is not kept in {}: {error}", self.path.display());
        }
    }
}

/// What is to be kept, of a boot that begins or goes on.
fn now(old: Option<Kept>, boot_id: &str) -> Kept {
    let before = match old {
        Some(old) if old.boot_id == boot_id => old.before,
        Some(old) => Some(old.stopped),
        None => None,
    };
    Kept { boot_id: boot_id.to_owned(), stopped: false, before }
}

fn parse(text: &str) -> Option<Kept> {
    let mut words = text.trim().split(' ');
    let (boot_id, stopped, before) = (words.next()?, words.next()?, words.next()?);
    let is = |word| match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    Some(Kept { boot_id: boot_id.to_owned(), stopped: is(stopped)?, before: is(before) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_boot_left_is_known_in_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let begin = |boot| Boots::begin(dir.path(), boot);
        assert_eq!(begin("a").shut_down_in_order(), None, "nothing is known of the first");
        // Started anew in the same boot, and then stopped.
        begin("a").end();
        let second = begin("b");
        assert_eq!(second.shut_down_in_order(), Some(true));
        // Killed and started anew: the same is known of the boot before.
        assert_eq!(begin("b").shut_down_in_order(), Some(true));
        // The power goes.
        assert_eq!(begin("c").shut_down_in_order(), Some(false));
        std::fs::write(dir.path().join(FILE), "c ye").unwrap();
        assert_eq!(begin("d").shut_down_in_order(), None, "a torn file says nothing");
    }
}
