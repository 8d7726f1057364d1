//! `known_hosts`: which key a host is known by. Plain and hashed names, patterns, `[host]:port`, `@revoked`.
//!
//! `@cert-authority` lines are seen and not used: td-provision does not take host certificates. A host that only such a
//! line covers is unknown, and the sentence that asks about it says why.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::hmac;
use russh::keys::PublicKey;
use russh::keys::ssh_key::Algorithm;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};

use super::pattern;

/// The lines of all files.
#[derive(Debug, Default)]
pub struct KnownHosts {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    place: Place,
    entry: Entry,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// What the files say of a key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The host is known by it.
    Known,
    /// It must not be taken from anybody.
    Revoked(Place),
    /// The host is known by another key of this type.
    Changed(Place),
    /// The host is known by keys of other types only.
    OtherTypes(Place, Vec<Algorithm>),
    /// Nothing is known of the host. `authority`: a `@cert-authority` line covers it.
    Unknown {
        /// Whether a certificate authority is known for it.
        authority: bool,
    },
}

/// A host as it stands in `known_hosts`: `[host]:port` where the port is not 22.
pub fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

impl KnownHosts {
    /// The user's file and the machine's.
    pub fn usual(home: &Path) -> Vec<PathBuf> {
        vec![own_file(home), home.join(".ssh/known_hosts2"), "/etc/ssh/ssh_known_hosts".into()]
    }

    /// Reads files; those that are not there say nothing.
    ///
    /// # Errors
    /// A file that is there and cannot be read: nothing may pass as unknown because of that.
    pub fn read(files: &[PathBuf]) -> Result<KnownHosts, (PathBuf, io::Error)> {
        let mut known = KnownHosts::default();
        for file in files {
            match fs::read(file) {
                Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((file.clone(), error)),
            }
        }
        Ok(known)
    }

    /// Adds the lines of a text. As in OpenSSH a line that is none is passed over.
    pub fn add(&mut self, file: &Path, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Ok(entry) = line.parse::<Entry>() {
                let place = Place { file: file.to_owned(), line: index + 1 };
                self.lines.push(Line { place, entry });
            }
        }
    }

    /// What is known of `key` from `host` (see [`name_of`]).
    pub fn judge(&self, host: &str, key: &PublicKey) -> Verdict {
        let same = |line: &&Line| line.entry.public_key().key_data() == key.key_data();
        let lines = || self.lines.iter().filter(|line| covers(line.entry.host_patterns(), host));
        if let Some(line) = lines().filter(|line| line.entry.marker() == Some(&Marker::Revoked)).find(same) {
            return Verdict::Revoked(line.place.clone());
        }
        let plain: Vec<_> = lines().filter(|line| line.entry.marker().is_none()).collect();
        if plain.iter().any(same) {
            return Verdict::Known;
        }
        let kind = key.algorithm();
        if let Some(line) = plain.iter().find(|line| line.entry.public_key().algorithm() == kind) {
            return Verdict::Changed(line.place.clone());
        }
        match plain.first() {
            Some(line) => Verdict::OtherTypes(line.place.clone(), self.types(host)),
            None => {
                Verdict::Unknown { authority: lines().any(|line| line.entry.marker() == Some(&Marker::CertAuthority)) }
            }
        }
    }

    /// The keys that are taken from the host without a question: known, and not revoked.
    pub fn keys(&self, host: &str) -> Vec<PublicKey> {
        let lines = self.lines.iter().filter(|line| covers(line.entry.host_patterns(), host));
        let keys = lines.filter(|line| line.entry.marker().is_none()).map(|line| line.entry.public_key());
        keys.filter(|key| self.judge(host, key) == Verdict::Known).cloned().collect()
    }

    /// The types of key that the host is known by, in the order of the files: what to ask it for.
    pub fn types(&self, host: &str) -> Vec<Algorithm> {
        let mut types = Vec::new();
        for line in &self.lines {
            let kind = line.entry.public_key().algorithm();
            if line.entry.marker().is_none() && !types.contains(&kind) && covers(line.entry.host_patterns(), host) {
                types.push(kind);
            }
        }
        types
    }
}

/// The file that new keys go into.
pub fn own_file(home: &Path) -> PathBuf {
    home.join(".ssh/known_hosts")
}

fn covers(patterns: &HostPatterns, host: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => pattern::matches_list(patterns, host),
        HostPatterns::HashedName { salt, hash } => {
            // SHA-1 is what the format has; it hides the name, it protects nothing.
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, host.as_bytes(), hash).is_ok()
        }
    }
}

/// Appends a key to `file` in one write, so that two programs at once do not mix their lines.
///
/// # Errors
/// What the file system says.
pub fn learn(file: &Path, host: &str, key: &PublicKey) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut out = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut last = [b'\n'];
    if out.seek(SeekFrom::End(-1)).is_ok() {
        out.read_exact(&mut last)?;
    }
    let start = if last == *b"\n" { "" } else { "\n" };
    let mut bare = key.clone();
    bare.set_comment("");
    let text = bare.to_openssh().map_err(io::Error::other)?;
    out.write_all(format!("{start}{host} {}\n", text.trim_end()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
    const E: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).expect("is a key")
    }

    fn known(text: &str) -> KnownHosts {
        let mut known = KnownHosts::default();
        known.add(Path::new("kh"), text);
        known
    }

    fn place(line: usize) -> Place {
        Place { file: "kh".into(), line }
    }

    #[test]
    fn names_patterns_and_ports() {
        let known = known(&format!(
            "# a comment\n\npi111,192.0.2.111 {A}\n[pi111]:2222 {B} with a comment\n*.local,!odd.local {A}\n"
        ));
        assert_eq!(known.judge("pi111", &key(A)), Verdict::Known);
        assert_eq!(known.judge("192.0.2.111", &key(A)), Verdict::Known);
        assert_eq!(known.judge("pi111", &key(B)), Verdict::Changed(place(3)));
        assert_eq!(known.judge(&name_of("PI111", 2222), &key(B)), Verdict::Known);
        assert_eq!(known.judge(&name_of("pi111", 22), &key(A)), Verdict::Known);
        assert_eq!(known.judge("x.local", &key(A)), Verdict::Known);
        assert_eq!(known.judge("odd.local", &key(A)), Verdict::Unknown { authority: false });
        assert_eq!(known.judge("pi112", &key(A)), Verdict::Unknown { authority: false });
    }

    /// The hash of `example.com` as OpenSSH wrote it.
    #[test]
    fn hashed_names() {
        let known = known(&format!("|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= {B}\n"));
        assert_eq!(known.judge("example.com", &key(B)), Verdict::Known);
        assert_eq!(known.judge("example.com", &key(A)), Verdict::Changed(place(1)));
        assert_eq!(known.judge("example.org", &key(B)), Verdict::Unknown { authority: false });
    }

    #[test]
    fn markers() {
        let known = known(&format!("pi111 {A}\n@revoked * {A}\n@cert-authority *.shelf {B}\n"));
        assert_eq!(known.judge("pi111", &key(A)), Verdict::Revoked(place(2)));
        assert_eq!(known.judge("a.shelf", &key(B)), Verdict::Unknown { authority: true }, "an authority is no host");
        assert!(known.types("a.shelf").is_empty());
        assert!(known.keys("pi111").is_empty(), "revoked comes first");
    }

    #[test]
    fn several_types() {
        let known = known(&format!("pi111 {E}\npi111 {A}\npi112 {E}\n"));
        assert_eq!(known.judge("pi111", &key(A)), Verdict::Known);
        assert_eq!(known.types("pi111").len(), 2);
        assert!(matches!(known.judge("pi112", &key(A)), Verdict::OtherTypes(at, types)
            if at == place(3) && types.len() == 1));
    }

    #[test]
    fn lines_that_are_none() {
        let known = known(&format!("pi111\npi111 ssh-ed25519\n@odd pi111 {A}\n|1|x|y {A}\n\u{fffd}\npi111 {A}\n"));
        assert_eq!(known.judge("pi111", &key(A)), Verdict::Known);
        assert_eq!(known.judge("pi111", &key(B)), Verdict::Changed(place(6)));
    }

    #[test]
    fn learned_keys_are_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".ssh/known_hosts");
        learn(&file, "[pi111]:2222", &key(A)).expect("written");
        // Somebody's editor left no newline at the end.
        let text = fs::read_to_string(&file).expect("reads");
        fs::write(&file, text.trim_end()).expect("written");
        learn(&file, "pi112", &key(&format!("{B} root@pi112"))).expect("written");
        let known = KnownHosts::read(&[file, folder.path().join("none")]).expect("reads");
        assert_eq!(known.judge("[pi111]:2222", &key(A)), Verdict::Known);
        assert_eq!(known.judge("pi112", &key(B)), Verdict::Known);
        assert!(KnownHosts::read(&[folder.path().to_owned()]).is_err(), "a folder cannot be read");
    }
}
