//! What is no longer as it was when a job began. No I/O: two states go in, sentences come out.

use std::path::Path;

use td_protocol::hello::Fingerprint;
use td_protocol::version;

use super::record::{FileMark, FileRecord, JobRecord, PictureRecord};

/// Most files that are named; more would hide the first.
const SHOWN: usize = 5;

/// Why this td must not go on with a job of another td: rows of both would not be sure to go together.
#[must_use]
pub fn version(job: &JobRecord) -> Option<String> {
    let begun = format!("it was begun by td {}", job.td);
    let what = if job.protocol != version::PROTOCOL {
        format!(
            "which speaks version {} of td's protocol, and this td speaks version {}",
            job.protocol,
            version::PROTOCOL
        )
    } else if job.encoder != version::ENCODER {
        format!("whose rows are encoded in version {}, and this td's in version {}", job.encoder, version::ENCODER)
    } else {
        return None;
    };
    Some(format!("{begun}, {what}: resume it with that td, or td cancel {} and render again", job.id))
}

/// How the scene's files differ from those that the finished rows were drawn from.
#[must_use]
pub fn files(before: &[FileRecord], now: &[FileRecord]) -> Option<String> {
    let find = |files: &[FileRecord], name: &str| files.iter().position(|file| file.name == name);
    let mut changes = Vec::new();
    for file in before {
        match find(now, &file.name).and_then(|index| now.get(index)) {
            Some(other) if other.hash == file.hash => {}
            Some(other) if other.path == file.path => changes.push(format!("{} has changed", place(file))),
            Some(other) => changes.push(format!("{} is read instead of {}", place(other), place(file))),
            None => changes.push(format!("{} is not read any more", place(file))),
        }
    }
    for file in now.iter().filter(|file| find(before, &file.name).is_none()) {
        changes.push(format!("{} is read, and was not", place(file)));
    }
    if changes.is_empty() {
        return None;
    }
    let more = changes.len().saturating_sub(SHOWN);
    changes.truncate(SHOWN);
    let mut text = changes.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more files"));
    }
    Some(text)
}

fn place(file: &FileRecord) -> String {
    if file.path.0.is_empty() { file.name.clone() } else { file.path.to_string() }
}

/// Why the agents of today cannot go on with the rows of before.
#[must_use]
pub fn fingerprint(before: &Fingerprint, now: &Fingerprint) -> Option<String> {
    if before == now {
        return None;
    }
    let name = |fingerprint: &Fingerprint| format!("{}, {} bit", fingerprint.povray, fingerprint.word_size);
    let (before, now) = (name(before), name(now));
    Some(if before == now {
        format!("the agents' POV-Ray ({now}) draws otherwise than the one that drew the finished rows")
    } else {
        format!("the finished rows were drawn by POV-Ray {before}, and the agents have {now}")
    })
}

/// What lies where the picture is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputNow {
    /// Nothing, or the file that was to be replaced.
    AsExpected,
    /// The picture of this very job: only its end was not written down.
    OwnPicture,
    /// Something else; why it is not replaced.
    Another(String),
}

/// Judges what lies at the output's place.
#[must_use]
pub fn output(
    path: &Path,
    before: Option<FileMark>,
    picture: Option<&PictureRecord>,
    now: Option<FileMark>,
) -> OutputNow {
    let Some(now) = now else { return OutputNow::AsExpected };
    if before == Some(now) {
        return OutputNow::AsExpected;
    }
    let is_own =
        |picture: &PictureRecord| (picture.device, picture.inode, picture.size) == (now.device, now.inode, now.size);
    if picture.is_some_and(is_own) {
        return OutputNow::OwnPicture;
    }
    let path = path.display();
    OutputNow::Another(match before {
        None => format!("{path} was not there when the job began and is there now: move it away, or add --replace"),
        Some(_) => format!(
            "{path} is not the file any more that was to be replaced when the job began: move it away, or add --replace"
        ),
    })
}

#[cfg(test)]
mod tests {
    use td_protocol::hash::ContentHash;

    use super::*;
    use crate::jobs::record::example;
    use crate::jobs::saved_text::SavedText;

    fn file(name: &str, content: &str) -> FileRecord {
        let path = SavedText(format!("/home/pi/{name}").into());
        FileRecord { name: name.to_owned(), hash: ContentHash::of(content.as_bytes()), path }
    }

    #[test]
    fn every_changed_file_is_named() {
        let before = [file("a.inc", "1"), file("b.inc", "1"), file("scene.pov", "1")];
        assert_eq!(files(&before, &before), None);
        let now = [file("a.inc", "2"), file("c.inc", "1"), file("scene.pov", "1")];
        assert_eq!(
            files(&before, &now).unwrap(),
            "/home/pi/a.inc has changed; /home/pi/b.inc is not read any more; /home/pi/c.inc is read, and was not"
        );
        let many: Vec<FileRecord> = (0..9).map(|n| file(&n.to_string(), "1")).collect();
        assert!(files(&many, &[]).unwrap().ends_with("; and 4 more files"));
    }

    #[test]
    fn only_versions_that_matter_matter() {
        let job = JobRecord { protocol: version::PROTOCOL, encoder: version::ENCODER, ..example() };
        assert_eq!(super::version(&JobRecord { td: "0.0.9".to_owned(), ..job.clone() }), None);
        let other = super::version(&JobRecord { protocol: 77, ..job.clone() }).unwrap();
        assert!(other.contains("version 77 of td's protocol"), "{other}");
        assert!(super::version(&JobRecord { encoder: 77, ..job }).unwrap().contains("encoded in version 77"));
    }

    #[test]
    fn only_the_file_that_was_to_be_replaced_is_replaced() {
        let mark = |inode| FileMark { device: 1, inode, size: 9, seconds: 5, nanoseconds: 0 };
        let judge = |before, picture, now| output(Path::new("out.png"), before, picture, now);
        let own = PictureRecord { device: 1, inode: 7, size: 9, temporary: None };
        assert_eq!(judge(None, None, None), OutputNow::AsExpected);
        assert_eq!(judge(Some(mark(3)), None, None), OutputNow::AsExpected);
        assert_eq!(judge(Some(mark(3)), None, Some(mark(3))), OutputNow::AsExpected);
        assert_eq!(judge(None, Some(&own), Some(mark(7))), OutputNow::OwnPicture);
        assert_eq!(judge(Some(mark(3)), Some(&own), Some(mark(3))), OutputNow::AsExpected);
        let touched = FileMark { seconds: 6, ..mark(3) };
        assert!(matches!(judge(Some(mark(3)), None, Some(touched)), OutputNow::Another(_)));
        assert!(matches!(judge(None, Some(&own), Some(mark(8))), OutputNow::Another(_)));
    }
}
