//! Absolute names: other machines do not have those folders, so an agent's copy of a text names them differently.

use std::path::{Path, PathBuf};

use super::references::Reference;

/// The folder, in POV-Ray's working folder on an agent, below which absolute names are mapped.
pub const FOLDER: &str = "td-abs";

/// The folders that absolute names lead to; a folder's number is its position.
#[derive(Debug, Clone, Default)]
pub struct AbsoluteFolders {
    folders: Vec<PathBuf>,
}

impl AbsoluteFolders {
    /// The relative name that stands for `folder` on an agent.
    pub fn mapped(&mut self, folder: &Path) -> String {
        let number = self.folders.iter().position(|known| known == folder).unwrap_or_else(|| {
            self.folders.push(folder.to_owned());
            self.folders.len() - 1
        });
        format!("{FOLDER}/{number}")
    }

    /// The absolute name that a mapped one stands for.
    #[must_use]
    pub fn original(&self, name: &str) -> Option<PathBuf> {
        let (number, rest) = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('/')?;
        let folder = self.folders.get(number.parse::<usize>().ok()?)?;
        Some(folder.join(rest))
    }
}

/// One literal of a text that an agent's copy has differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    start: usize,
    end: usize,
    literal: Vec<u8>,
}

impl Replacement {
    /// The literal of `reference` with its folder (all up to the last `/`) replaced by `folder`.
    #[must_use]
    pub fn of_folder(text: &[u8], reference: &Reference, folder: &str) -> Self {
        let raw = &text[reference.start..reference.end];
        let tail = raw.iter().rposition(|b| *b == b'/').map_or(raw, |slash| &raw[slash..]);
        let literal = [folder.as_bytes(), tail].concat();
        Self { start: reference.start, end: reference.end, literal }
    }

    /// The whole literal replaced by `folder`.
    #[must_use]
    pub fn of_whole(reference: &Reference, folder: &str) -> Self {
        Self { start: reference.start, end: reference.end, literal: folder.as_bytes().to_vec() }
    }
}

/// The text with its replacements (in order) made. Line numbers stay as they are.
#[must_use]
pub fn rewrite(text: &[u8], replacements: &[Replacement]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for replacement in replacements {
        // A literal that was read in two ways is replaced once.
        if replacement.start < at {
            continue;
        }
        out.extend_from_slice(&text[at..replacement.start]);
        out.extend_from_slice(&replacement.literal);
        at = replacement.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}
