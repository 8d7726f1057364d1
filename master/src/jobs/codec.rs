//! The journal's bytes: encoding and decoding, without any file.
//!
//! ```text
//! file    "tdjrnl" major minor CRC-32 of these eight bytes        12 bytes
//! record  length, CRC-32 of the content, CRC-32 of these eight bytes, content (JSON)
//! ```
//!
//! All numbers are 32 bits, big-endian.
//!
//! Why CRC-32, and why two: the enemy is a crash or a bad disk, nobody who forges (who may write here may write a journal
//! of his own). A CRC-32 finds *every* change within 32 bits in a row, where a cut hash of the same length only finds
//! nearly all; but only as long as the bytes it runs over are the right ones. So the head, which says how many they are, has
//! one of its own. Appended bytes are good up to the first record that is not whole: what comes behind it was written
//! after something that is lost.

use flate2::Crc;

use super::record::Record;

const MAGIC: [u8; 6] = *b"tdjrnl";
/// Raised where an older td would read something wrong.
pub const MAJOR: u8 = 2;
/// Raised with each new kind of record; only tells who wrote.
pub const MINOR: u8 = 0;
/// Bytes before the first record.
pub const FILE_HEAD: usize = 12;
/// Bytes before each record's content.
pub const RECORD_HEAD: usize = 12;
/// Longest content: a bundle of many thousand files has some megabytes.
pub const MOST_CONTENT: usize = 64 << 20;

/// What a journal holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Version of the journal, as its head has it.
    pub major: u8,
    pub records: Vec<Record>,
    /// Bytes that are good; what is behind them is cut off before anything is appended.
    pub good: usize,
}

/// Why nothing of a journal can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("it is no journal of td")]
    NotAJournal,
    #[error("it was written by a newer td (version {0} of the journal, this td reads {MAJOR}): update td")]
    Newer(u8),
    #[error("it has a record that this td does not understand ({0}): it was written by another version of td")]
    Foreign(String),
}

/// Why a record was not encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("a record of {0} bytes is too long for the journal")]
    TooLong(usize),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The bytes that a journal begins with.
#[must_use]
pub fn file_head() -> [u8; FILE_HEAD] {
    head_of(MAJOR, MINOR)
}

fn head_of(major: u8, minor: u8) -> [u8; FILE_HEAD] {
    let mut head = [0; FILE_HEAD];
    head[..6].copy_from_slice(&MAGIC);
    head[6] = major;
    head[7] = minor;
    let crc = crc32(&head[..8]);
    head[8..].copy_from_slice(&crc.to_be_bytes());
    head
}

/// The version that a journal must have to hold `record`: a td that only reads older ones would skip it and go on wrongly.
pub(super) fn major_for(record: &Record) -> u8 {
    if matches!(record, Record::Dispute(_)) { 2 } else { 1 }
}

/// One record's bytes.
///
/// # Errors
/// [`EncodeError`].
pub fn encode(record: &Record) -> Result<Vec<u8>, EncodeError> {
    let content = serde_json::to_vec(record)?;
    if content.len() > MOST_CONTENT {
        return Err(EncodeError::TooLong(content.len()));
    }
    let mut bytes = Vec::with_capacity(RECORD_HEAD + content.len());
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(crc32(&content).to_be_bytes());
    let crc = crc32(&bytes);
    bytes.extend(crc.to_be_bytes());
    bytes.extend(content);
    Ok(bytes)
}

/// Reads a whole journal, up to the first record that is not whole.
///
/// # Errors
/// [`DecodeError`] where it is none, or another td's.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let (head, mut rest) = bytes.split_first_chunk::<FILE_HEAD>().ok_or(DecodeError::NotAJournal)?;
    let (major, minor) = (head[6], head[7]);
    if *head != head_of(major, minor) || major == 0 {
        return Err(DecodeError::NotAJournal);
    }
    if major > MAJOR {
        return Err(DecodeError::Newer(major));
    }
    let mut records = Vec::new();
    while let Some((content, behind)) = next_content(rest) {
        let record = serde_json::from_slice(content).map_err(|error| DecodeError::Foreign(error.to_string()))?;
        if record != Record::Unknown {
            records.push(record);
        }
        rest = behind;
    }
    Ok(Decoded { major, records, good: bytes.len() - rest.len() })
}

/// The next whole record's content, and what is behind it.
fn next_content(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (head_crc, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*head_crc) != crc32(&bytes[..8]) {
        return None;
    }
    let length = u32::from_be_bytes(*length) as usize;
    let (content, behind) = rest.split_at_checked(length).filter(|_| length <= MOST_CONTENT)?;
    (u32::from_be_bytes(*crc) == crc32(content)).then_some((content, behind))
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_of(content: &str) -> Vec<u8> {
        let mut bytes = (content.len() as u32).to_be_bytes().to_vec();
        bytes.extend(crc32(content.as_bytes()).to_be_bytes());
        let crc = crc32(&bytes);
        bytes.extend(crc.to_be_bytes());
        bytes.extend(content.as_bytes());
        bytes
    }

    fn journal_of(contents: &[&str]) -> Vec<u8> {
        contents.iter().fold(file_head().to_vec(), |mut bytes, content| {
            bytes.extend(record_of(content));
            bytes
        })
    }

    #[test]
    fn kinds_and_fields_of_a_later_td_are_skipped() {
        let bytes = journal_of(&[
            r#"{"kind":"complete","at":1.5}"#,
            r#"{"kind":"weather","rain":true}"#,
            r#"{"kind":"complete","at":2.5,"by":"somebody"}"#,
        ]);
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded.good, bytes.len());
        let at = |record: &Record| if let Record::Complete(complete) = record { complete.at } else { 0.0 };
        assert_eq!(decoded.records.iter().map(at).collect::<Vec<_>>(), [1.5, 2.5]);
    }

    #[test]
    fn a_later_major_version_is_refused_with_both_numbers() {
        let mut bytes = head_of(MAJOR + 1, 0).to_vec();
        bytes.extend(record_of("what a later td writes"));
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error, DecodeError::Newer(MAJOR + 1));
        let (theirs, own) = (format!("version {}", MAJOR + 1), format!("reads {MAJOR}"));
        assert!(error.to_string().contains(&theirs) && error.to_string().contains(&own));
        assert_eq!(decode(&head_of(0, 9)), Err(DecodeError::NotAJournal));
    }

    #[test]
    fn a_whole_record_that_makes_no_sense_is_no_torn_tail() {
        let bytes = journal_of(&[r#"{"kind":"complete","at":"noon"}"#]);
        assert!(matches!(decode(&bytes), Err(DecodeError::Foreign(_))));
    }
}
