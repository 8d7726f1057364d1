//! Finished bands, named by what was rendered: retry, resume and cache in one.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::job::OpenJob;
use td_protocol::options::RenderOptions;
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;
use td_protocol::version;

use crate::store::eviction;

/// Longest header of a kept band, in bytes.
const MAX_HEADER: usize = 4096;

/// How long finished bands are kept without being asked for: as long as a master keeps an unfinished job. They go sooner where
/// room is needed.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
/// Before the name of whoever began a picture anew.
const ANEW: &str = "begun-anew-by-";

/// The folder of finished bands, one folder per job name.
#[derive(Debug, Clone)]
pub struct Bands {
    folder: PathBuf,
    /// Bytes that the folder may hold.
    bound: u64,
}

/// Finished bands of one job.
#[derive(Debug, Clone)]
pub struct JobBands {
    folder: PathBuf,
}

impl Bands {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: PathBuf, bound: u64) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        eviction::remove_unfinished(&folder);
        Ok(Self { folder, bound })
    }

    /// The bands of a job: of every job that draws the same picture, unless the job is not exact.
    #[must_use]
    pub fn of_job(&self, job: &OpenJob, fingerprint: &Fingerprint) -> JobBands {
        JobBands { folder: self.folder.join(job_name(job, fingerprint).to_string()) }
    }

    /// Removes what was not used for [`KEPT_FOR`], and more where room is needed; bands of the named jobs stay.
    pub fn evict<'a>(&self, open: impl Iterator<Item = &'a JobBands>) {
        let mut kept = HashSet::new();
        for job in open {
            if let Ok(entries) = std::fs::read_dir(&job.folder) {
                kept.extend(entries.flatten().map(|entry| entry.path()));
            }
        }
        eviction::expire(&self.folder, KEPT_FOR, &kept);
        eviction::shrink(&self.folder, self.bound, &kept);
    }
}

impl JobBands {
    /// The runs of rows that lie here, sorted, none overlapping another.
    #[must_use]
    pub fn finished(&self) -> Vec<Rows> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let mut all: Vec<Rows> =
            entries.flatten().filter_map(|entry| parse_name(entry.file_name().to_str()?)).collect();
        all.sort();
        let mut runs: Vec<Rows> = Vec::new();
        for rows in all {
            if runs.last().is_none_or(|last| last.end <= rows.start) {
                runs.push(rows);
            }
        }
        runs
    }

    /// Keeps a band. It appears under its name only when whole.
    ///
    /// # Errors
    /// When the disk refuses; the band is then not kept, and nothing else is harmed.
    pub fn keep(&self, meta: &SegmentMeta, data: &[u8]) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let header = serde_json::to_vec(meta)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&(header.len() as u32).to_be_bytes())?;
        file.write_all(&header)?;
        file.write_all(data)?;
        file.persist(self.path(meta.rows)).map(|_| ()).map_err(|error| error.error)
    }

    /// Reads a band back; `None` when it is not here or not whole, in which case it is removed.
    #[must_use]
    pub fn read(&self, rows: Rows) -> Option<(SegmentMeta, Vec<u8>)> {
        let path = self.path(rows);
        let bytes = std::fs::read(&path).ok()?;
        let read = parse(&bytes).filter(|(meta, data)| meta.rows == rows && ContentHash::of(data) == meta.sha256);
        match &read {
            Some(_) => eviction::touch(&path),
            None => {
                tracing::warn!("{} is damaged and is rendered again", path.display());
                let _ = std::fs::remove_file(&path);
            }
        }
        read
    }

    /// Removes the bands of the picture unless they were all kept since `name` began it anew: then it is the same one again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin_anew(&self, name: &str) -> io::Result<()> {
        // No band is called so. If it is evicted the bands go at the next begin, which costs no more than time.
        let mark = self.folder.join(format!("{ANEW}{name}"));
        if mark.exists() {
            eviction::touch(&mark);
            return Ok(());
        }
        self.forget()?;
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(mark, "")
    }

    /// Removes all bands of the picture.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, rows: Rows) -> PathBuf {
        self.folder.join(format!("{}-{}", rows.start, rows.end))
    }
}

fn parse(bytes: &[u8]) -> Option<(SegmentMeta, Vec<u8>)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_HEADER {
        return None;
    }
    let (header, data) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(header).ok()?, data.to_vec()))
}

fn parse_name(name: &str) -> Option<Rows> {
    let (start, end) = name.split_once('-')?;
    let rows = Rows::new(start.parse().ok()?, end.parse().ok()?);
    (!rows.is_empty()).then_some(rows)
}

/// Everything that decides a band's pixels and their encoding, but for the rows themselves.
#[derive(Serialize)]
struct JobName<'a> {
    encoder: u32,
    bundle: ContentHash,
    options: &'a RenderOptions,
    fingerprint: &'a Fingerprint,
    radiosity: &'a Option<String>,
    job: Option<&'a str>,
}

fn job_name(job: &OpenJob, fingerprint: &Fingerprint) -> ContentHash {
    let name = JobName {
        encoder: version::ENCODER,
        bundle: job.bundle.id(),
        options: &job.options,
        fingerprint,
        radiosity: &job.radiosity,
        job: (!job.exact).then_some(job.id.as_str()),
    };
    ContentHash::of(&serde_json::to_vec(&name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(rows: Rows, data: &[u8]) -> SegmentMeta {
        SegmentMeta { rows, len: data.len() as u64, raw_len: 1, adler32: 1, sha256: ContentHash::of(data) }
    }

    #[test]
    fn a_band_comes_back_as_it_was_and_a_damaged_one_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let bands = JobBands { folder: folder.path().join("job") };
        let rows = Rows::new(32, 64);
        bands.keep(&meta(rows, b"data"), b"data").unwrap();
        assert_eq!(bands.finished(), [rows]);
        assert_eq!(bands.read(rows).unwrap(), (meta(rows, b"data"), b"data".to_vec()));

        std::fs::write(bands.path(rows), b"\0\0\0\xffnonsense").unwrap();
        assert_eq!(bands.read(rows), None);
        assert!(bands.finished().is_empty());

        bands.keep(&meta(rows, b"data"), b"data").unwrap();
        bands.forget().unwrap();
        bands.forget().unwrap();
        assert!(bands.finished().is_empty());
    }

    #[test]
    fn who_begins_anew_finds_no_more_than_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let bands = JobBands { folder: folder.path().join("job") };
        let (old, own) = (Rows::new(0, 32), Rows::new(32, 64));
        bands.keep(&meta(old, b"data"), b"data").unwrap();
        bands.begin_anew("one").unwrap();
        assert!(bands.finished().is_empty());
        bands.keep(&meta(own, b"data"), b"data").unwrap();
        bands.begin_anew("one").unwrap();
        assert_eq!(bands.finished(), [own]);
        bands.begin_anew("two").unwrap();
        assert!(bands.finished().is_empty());
    }
}
