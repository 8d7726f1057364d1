//! What apt said, as sentences.

use std::collections::BTreeSet;

/// Why an installation or an update of the lists failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Someone else took a lock in between.
    Locked,
    /// Archives that could not be reached or refused, with what they said.
    Unreachable(Vec<(String, String)>),
    /// These packages are in none of the archives that apt knows.
    NoCandidate(Vec<String>),
    /// dpkg was cut short earlier.
    Interrupted,
    NoRoom,
    ReadOnly,
    /// The release's signature or date does not hold.
    Untrusted(String),
    Other(String),
}

impl Trouble {
    /// Whether one more try may go better.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

/// Reads apt's output, most telling first.
#[must_use]
pub fn trouble(output: &str) -> Trouble {
    let has = |text: &str| output.contains(text);
    if has("Could not get lock") || has("Unable to acquire the dpkg frontend lock") || has("Unable to lock directory") {
        return Trouble::Locked;
    }
    if has("dpkg was interrupted") {
        return Trouble::Interrupted;
    }
    if has("No space left on device") || has("You don't have enough free space") {
        return Trouble::NoRoom;
    }
    if has("Read-only file system") {
        return Trouble::ReadOnly;
    }
    let missing = no_candidate(output);
    if !missing.is_empty() {
        return Trouble::NoCandidate(missing);
    }
    let complaint = |words: &[&str]| {
        let lines = output.lines().filter(|line| line.starts_with("E: ") || line.starts_with("W: "));
        lines.filter(|line| words.iter().any(|word| line.contains(word))).map(|line| line[3..].trim().to_owned()).next()
    };
    if let Some(line) = complaint(&["is not valid yet", "is expired", "NO_PUBKEY", "EXPKEYSIG"]) {
        return Trouble::Untrusted(line);
    }
    let unreachable = unreachable(output);
    if !unreachable.is_empty() {
        return Trouble::Unreachable(unreachable);
    }
    // What was not fetched is not signed either, so this comes after.
    if let Some(line) = complaint(&["is not signed", "does not have a Release file"]) {
        return Trouble::Untrusted(line);
    }
    let errors: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("E: ")).map(str::trim).collect();
    let said = if errors.is_empty() { super::super::child::last_lines(output, 3) } else { errors.join("; ") };
    Trouble::Other(said)
}

/// The archives that failed, each once: what stands before `/dists/` or `/pool/`, and the reason.
#[must_use]
pub fn unreachable(output: &str) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for line in output.lines() {
        let rest = line.strip_prefix("E: ").or_else(|| line.strip_prefix("W: "));
        let Some(rest) = rest.and_then(|rest| rest.trim().strip_prefix("Failed to fetch ")) else {
            continue;
        };
        let (url, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let archive =
            ["/dists/", "/pool/"].iter().find_map(|part| url.split_once(part)).map_or(url, |(archive, _)| archive);
        if seen.insert(archive.to_owned()) {
            out.push((archive.to_owned(), reason.trim().to_owned()));
        }
    }
    out
}

fn no_candidate(output: &str) -> Vec<String> {
    let mut names = BTreeSet::new();
    for line in output.lines() {
        let line = line.strip_prefix("E: ").unwrap_or(line).trim();
        if let Some(name) = line.strip_prefix("Unable to locate package ") {
            names.insert(name.trim().to_owned());
        } else if let Some(rest) = line.strip_prefix("Package '")
            && let Some((name, _)) = rest.split_once("' has no installation candidate")
        {
            names.insert(name.to_owned());
        }
    }
    names.into_iter().collect()
}

/// One package of `apt-get --simulate`: `Inst NAME [OLD] (NEW ...)` or `Remv NAME [OLD]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// The steps of a simulation.
#[must_use]
pub fn steps(output: &str) -> Vec<Step> {
    let step = |line: &str| {
        let (install, rest) = match line.strip_prefix("Inst ") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix("Remv ")?),
        };
        let mut words = rest.split(' ');
        let name = words.next()?.to_owned();
        let mut words = words.peekable();
        let old = words.next_if(|word| word.starts_with('['));
        let old = old.map(|word| word.trim_matches(['[', ']']).to_owned());
        let new = if install { words.next().map(|word| word.trim_matches(['(', ')']).to_owned()) } else { None };
        Some(Step { name, old, new })
    };
    output.lines().filter_map(step).collect()
}

/// One line of apt's status channel (`APT::Status-Fd`).
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Downloads so far, 0 to 1.
    Downloading(f64),
    /// dpkg works: how far, and on what.
    Installing(f64, String),
}

#[must_use]
pub fn status(line: &str) -> Option<Status> {
    let mut fields = line.splitn(4, ':');
    let (kind, _, percent) = (fields.next()?, fields.next()?, fields.next()?);
    let fraction = percent.trim().parse::<f64>().ok().filter(|percent| percent.is_finite())? / 100.0;
    // Thousandths are what people see move.
    let fraction = (fraction.clamp(0.0, 1.0) * 1000.0).round() / 1000.0;
    let message = fields.next().unwrap_or_default().trim().to_owned();
    match kind {
        "dlstatus" => Some(Status::Downloading(fraction)),
        "pmstatus" | "pmerror" | "pmconffile" => Some(Status::Installing(fraction, message)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_apart() {
        assert_eq!(
            trouble("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt)"),
            Trouble::Locked
        );
        assert_eq!(
            trouble(
                "Reading package lists...\nE: Unable to locate package povray\nE: Unable to locate package imagemagick\n"
            ),
            Trouble::NoCandidate(vec!["imagemagick".to_owned(), "povray".to_owned()])
        );
        assert_eq!(
            trouble("Package povray is not available\n\nE: Package 'povray' has no installation candidate\n"),
            Trouble::NoCandidate(vec!["povray".to_owned()])
        );
        assert_eq!(
            trouble("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."),
            Trouble::Interrupted
        );
        assert_eq!(trouble("E: You don't have enough free space in /var/cache/apt/archives/."), Trouble::NoRoom);
        let gone = "\
W: Failed to fetch http://raspbian.example.org/raspbian/dists/buster/InRelease  Could not resolve 'raspbian.example.org'
E: Failed to fetch http://raspbian.example.org/raspbian/dists/buster/main/x  404  Not Found [IP: 192.0.2.1 80]
W: Some index files failed to download. They have been ignored, or old ones used instead.";
        assert_eq!(
            trouble(gone),
            Trouble::Unreachable(vec![(
                "http://raspbian.example.org/raspbian".to_owned(),
                "Could not resolve 'raspbian.example.org'".to_owned()
            )])
        );
        let refused = "\
E: Failed to fetch http://raspbian.example.org/raspbian/dists/bookworm/InRelease  403  Forbidden [IP: 192.0.2.1 3142]
E: The repository 'http://raspbian.example.org/raspbian bookworm InRelease' is not signed.";
        assert!(matches!(trouble(refused), Trouble::Unreachable(archives) if archives[0].1.starts_with("403")));
        let early = "E: Release file for http://deb.example.org/debian/dists/bookworm/InRelease is not valid yet (invalid for another 20000d)";
        assert!(matches!(trouble(early), Trouble::Untrusted(line) if line.ends_with("20000d)")));
        assert_eq!(trouble("x\nE: Broken\nE: Bad\n"), Trouble::Other("Broken; Bad".to_owned()));
        assert_eq!(trouble("a\nb\n"), Trouble::Other("a; b".to_owned()));
    }

    #[test]
    fn simulations_are_read() {
        let output = "\
NOTE: This is only a simulation!
Inst libfoo1 (1.2-3 Debian:12.5/stable [amd64])
Inst povray [1:3.6-1] (1:3.7.0.10-1+b2 Debian:12.5/stable [amd64]) []
Remv systemd-timesyncd [252.1]
Conf povray (1:3.7.0.10-1+b2 Debian:12.5/stable [amd64])";
        let step = |name: &str, old: Option<&str>, new: Option<&str>| Step {
            name: name.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        };
        assert_eq!(
            steps(output),
            [
                step("libfoo1", None, Some("1.2-3")),
                step("povray", Some("1:3.6-1"), Some("1:3.7.0.10-1+b2")),
                step("systemd-timesyncd", Some("252.1"), None),
            ]
        );
    }

    #[test]
    fn the_status_channel_is_read() {
        assert_eq!(status("dlstatus:1:25.0000:Retrieving file 1 of 4"), Some(Status::Downloading(0.25)));
        assert_eq!(
            status("pmstatus:povray:50.0:Unpacking povray (amd64)"),
            Some(Status::Installing(0.5, "Unpacking povray (amd64)".to_owned()))
        );
        assert_eq!(status("media-change: x"), None);
        assert_eq!(status(""), None);
    }
}
