//! Opening, reading and hashing regular files, and nothing that could block.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use td_protocol::hash::ContentHash;

use super::error::SceneError;

/// Texts above this size are not read for names and features.
pub const MAX_TEXT: u64 = 1 << 30;

/// Whether `path` leads to a regular file (through symbolic links).
#[must_use]
pub fn is_regular(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Opens a regular file; never waits on a FIFO that took the file's place.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("not a regular file")) }
}

fn unreadable(path: &Path, source: io::Error) -> SceneError {
    SceneError::Unreadable { path: path.to_owned(), named: None, source }
}

/// The whole of a text.
pub fn read_text(path: &Path) -> Result<Vec<u8>, SceneError> {
    let (file, metadata) = open(path).map_err(|error| unreadable(path, error))?;
    if metadata.len() > MAX_TEXT {
        return Err(SceneError::TooLarge { path: path.to_owned(), size: metadata.len() });
    }
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(MAX_TEXT).read_to_end(&mut text).map_err(|error| unreadable(path, error))?;
    Ok(text)
}

/// The scene's own text, or the reason why this is no scene.
pub fn read_scene(path: &Path) -> Result<Vec<u8>, SceneError> {
    let at = || path.to_owned();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SceneError::NotFound { path: at(), hint: similar_name(path) });
        }
        Err(error) => return Err(unreadable(path, error)),
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(SceneError::IsFolder { path: at() });
    }
    if !kind.is_file() {
        let what = match () {
            () if kind.is_fifo() => "a pipe (FIFO)",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        return Err(SceneError::NotAFile { path: at(), what });
    }
    let text = read_text(path)?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(SceneError::Empty { path: at() });
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let hint = Some("it is UTF-16; save it as UTF-8 or plain text".to_owned());
        return Err(SceneError::Binary { path: at(), hint });
    }
    if is_binary(&text) {
        return Err(SceneError::Binary { path: at(), hint: binary_hint(&text) });
    }
    Ok(text)
}

/// No text has NUL bytes; POV-Ray takes any other byte in comments and strings.
fn is_binary(text: &[u8]) -> bool {
    let head = &text[..text.len().min(1 << 16)];
    let odd = head.iter().filter(|b| b.is_ascii_control() && !b.is_ascii_whitespace() && **b != 0x1a).count();
    head.contains(&0) || odd * 10 > head.len()
}

fn binary_hint(text: &[u8]) -> Option<String> {
    let kinds: [(&[u8], &str); 5] = [
        (b"\x89PNG", "it is a PNG picture"),
        (b"\xff\xd8\xff", "it is a JPEG picture"),
        (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
        (b"PK\x03\x04", "it is a zip archive; unpack it first"),
        (b"\x7fELF", "it is a program"),
    ];
    kinds.iter().find(|(magic, _)| text.starts_with(magic)).map(|(_, hint)| (*hint).to_owned())
}

/// A file beside `path` that differs only in upper and lower case: a hint for the user.
#[must_use]
pub fn similar_name(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut same: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .take(100_000)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name != wanted && name.to_lowercase() == wanted.to_lowercase())
        })
        .collect();
    same.sort();
    let found = same.first()?;
    Some(format!("there is {}: upper and lower case differ", found.display()))
}

/// Hashes files without loading them whole; the same file is read once.
#[derive(Debug, Default)]
pub struct Hasher {
    known: HashMap<(u64, u64, u64, i64, i64), ContentHash>,
}

impl Hasher {
    /// The file's hash and size.
    pub fn hash(&mut self, path: &Path) -> Result<(ContentHash, u64), SceneError> {
        let (mut file, metadata) = open(path).map_err(|error| unreadable(path, error))?;
        let key = (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if let Some(hash) = self.known.get(&key) {
            return Ok((*hash, metadata.len()));
        }
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut size = 0u64;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    digest.update(&buffer[..n]);
                    size += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(path, error)),
            }
        }
        let hash = ContentHash(digest.finalize().into());
        if size == metadata.len() {
            self.known.insert(key, hash);
        }
        Ok((hash, size))
    }
}
