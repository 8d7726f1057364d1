//! The spool after a crash, and on a full disk.

mod compose_support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use compose_support::{Picture, add, read_png, spool_of};
use td::compose::{Maker, Shape, Spool, SpoolError, missing_rows_in, write_png};
use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;

fn picture() -> Picture {
    Picture::new(40, 100, PixelFormat::RGB8, 11)
}

#[test]
fn wherever_the_master_died_whole_records_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let spool = spool_of(&picture, folder.path(), 32);
    let whole = std::fs::read(spool.path()).unwrap();
    drop(spool);
    let path = folder.path().join("cut");
    let mut complete = 0;
    for cut in (24..=whole.len()).rev().step_by(13) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let spool = Spool::reopen(&path, picture.shape).unwrap();
        for rows in spool.missing() {
            assert!(rows.start % 32 == 0, "{rows}");
            add(&spool, &picture.segment(rows));
        }
        assert!(spool.is_complete());
        let mut png = Vec::new();
        write_png(&mut png, &[], &spool, SystemTime::now()).unwrap();
        assert_eq!(read_png(&png).1, picture.samples);
        complete += 1;
    }
    assert!(complete > 100);
}

#[test]
fn a_damaged_record_is_missing_and_the_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let path = spool_of(&picture, folder.path(), 25).path().to_owned();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut byte = [0];
    // In the first record's data: 24 bytes of file header, 76 of record header, 8 of chunk.
    file.read_exact_at(&mut byte, 24 + 76 + 8 + 50).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 24 + 76 + 8 + 50).unwrap();
    let spool = Spool::reopen(&path, picture.shape).unwrap();
    assert_eq!(spool.missing(), [Rows::new(0, 25)]);
}

#[test]
fn another_images_spool_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let path = spool_of(&picture, folder.path(), 25).path().to_owned();
    let shape = Shape { width: 41, ..picture.shape };
    let error = Spool::reopen(&path, shape).unwrap_err();
    assert!(matches!(error, SpoolError::Foreign { .. }));
    assert_eq!(error.to_string(), format!("{} is not a spool of finished rows of this image", path.display()));
    std::fs::write(&path, b"short").unwrap();
    assert!(matches!(Spool::reopen(&path, shape), Err(SpoolError::Foreign { .. })));
    assert!(matches!(Spool::create(&path, shape), Err(SpoolError::Io { .. })), "an existing file is not overwritten");
}

#[test]
fn arbitrary_bytes_behind_the_header_are_no_rows_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let path = spool_of(&picture, folder.path(), 100).path().to_owned();
    let whole = std::fs::read(&path).unwrap();
    let mut state = 1_u32;
    for len in 0..500 {
        let mut bytes = whole[..24].to_vec();
        bytes.extend((0..len).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Spool::reopen(&path, picture.shape).unwrap().missing(), [Rows::new(0, 100)]);
    }
}

/// Needs a file system with a limit, which only root can mount.
#[test]
fn a_full_disk_is_told_and_the_spool_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder.path())
        .output();
    if !mount.is_ok_and(|output| output.status.success()) {
        td_tests::skip::skip("disk_full", "may not mount a small tmpfs here");
        return;
    }
    let mounted = Unmount(folder.path());
    let picture = Picture::new(200, 200, PixelFormat::RGB8, 2);
    let spool = Spool::create(&folder.path().join("spool"), picture.shape).unwrap();
    let small = picture.segment(Rows::new(0, 8));
    add(&spool, &small);
    let large = picture.segment_with(Rows::new(8, 200), |_| 0, 0);
    let error = spool.check_and_add(large.meta.rows, &large.meta, &large.data).unwrap_err();
    assert!(matches!(error, SpoolError::Full { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("no space is left for finished rows in {}: free some on that disk", spool.path().display())
    );
    assert_eq!(spool.missing(), [Rows::new(8, 200)]);
    let next = picture.segment(Rows::new(8, 16));
    add(&spool, &next);
    assert_eq!(spool.missing(), [Rows::new(16, 200)]);
    let path = spool.path().to_owned();
    drop(spool);
    assert_eq!(Spool::reopen(&path, picture.shape).unwrap().missing(), [Rows::new(16, 200)]);
    drop(mounted);
}

struct Unmount<'a>(&'a std::path::Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn rows_of_a_refused_maker_are_gone_for_this_master_and_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let path = folder.path().join("spool");
    let (right, wrong) = (Maker::of("right"), Maker::of("wrong"));
    let spool = Spool::create(&path, picture.shape).unwrap();
    for (start, maker) in [(0, right), (25, wrong), (50, right), (75, wrong)] {
        let segment = picture.segment(Rows::new(start, start + 25));
        let _ = spool.add_from(maker, &segment.meta, &segment.data).unwrap();
    }
    // Parts of a segment have the maker of the whole.
    assert_eq!(spool.made().len(), 4);
    assert_eq!(spool.pixels(Rows::new(25, 50)).unwrap().unwrap(), picture.samples[25 * 120..50 * 120]);
    assert_eq!(spool.refuse(wrong).unwrap(), [Rows::new(25, 50), Rows::new(75, 100)]);
    assert_eq!(spool.missing(), [Rows::new(25, 50), Rows::new(75, 100)]);
    assert_eq!(spool.pixels(Rows::new(25, 50)).unwrap(), None);
    assert_eq!(missing_rows_in(&path, picture.shape).unwrap(), spool.missing());
    // Killed here: the next one has them no more.
    let spool = Spool::reopen(&path, picture.shape).unwrap();
    assert_eq!(spool.missing(), [Rows::new(25, 50), Rows::new(75, 100)]);
    let again = picture.segment(Rows::new(20, 80));
    let _ = spool.add_from(right, &again.meta, &again.data).unwrap();
    let _ = spool
        .add_from(right, &picture.segment(Rows::new(80, 100)).meta, &picture.segment(Rows::new(80, 100)).data)
        .unwrap();
    for spool in [spool, Spool::reopen(&path, picture.shape).unwrap()] {
        assert!(spool.is_complete());
        assert!(spool.made().iter().all(|(_, maker)| *maker == right));
        assert!(spool.refuse(wrong).unwrap().is_empty());
        let mut png = Vec::new();
        write_png(&mut png, &[], &spool, SystemTime::now()).unwrap();
        assert_eq!(read_png(&png).1, picture.samples);
    }
}
