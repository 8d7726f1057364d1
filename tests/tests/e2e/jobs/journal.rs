//! Journals that are torn, or were written by another td.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use td_tests::picture::Picture;
use td_tests::process;
use td_tests::reference::Reference;
use td_tests::sandbox::{Sandbox, files_below};
use td_tests::{compare, events};

use super::{LIMIT, is_exact, killed, newest, resume, start, with_scene};
use crate::faults::cluster::ended_with;

/// The journal of the one job of a sandbox.
fn journal(sandbox: &Sandbox) -> PathBuf {
    let files = files_below(&sandbox.home().join(".local/state/td/jobs"));
    files.into_iter().find(|file| file.file_name().is_some_and(|name| name == "journal")).expect("a journal")
}

#[test]
fn a_torn_journal_is_good_up_to_the_tear() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    let first = 24 + u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    // Cut anywhere behind the first record, and with garbage behind the last.
    for cut in (first..whole.len()).step_by((whole.len() - first) / 25 + 1) {
        fs::write(&path, &whole[..cut]).unwrap();
        let cut_job = newest(&sandbox);
        assert_eq!((&cut_job["id"], &cut_job["state"]), (&job["id"], &job["state"]), "cut at {cut}");
    }
    let torn = [&whole[..], &whole[first..first + 40], b"garbage"].concat();
    fs::write(&path, torn).unwrap();
    let outcome = resume(&sandbox, &[]);
    assert_eq!(events::last(outcome.code(0)).unwrap()["rows_resumed"], job["rows_done"]);
    is_exact(&sandbox, "out.png");
    assert_eq!(newest(&sandbox)["state"], "done", "what came behind the tear is read");
}

/// Its td ended between the picture and the record that it is done.
#[test]
fn a_picture_in_its_place_is_all_that_was_to_be_done() {
    let sandbox = with_scene();
    let outcome = start(&sandbox, &["-o", "out.png"]).wait(LIMIT);
    let done = events::last(outcome.code(0)).unwrap();
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(newest(&sandbox)["state"], "interrupted");
    let again = events::last(resume(&sandbox, &[]).code(0)).expect("done is the last event");
    assert_eq!(again["id"], done["id"]);
    assert_eq!(newest(&sandbox)["state"], "done");
}

/// What the rows are of is then not known any more, so they are rendered again, from the scene as it is now.
#[test]
fn rows_whose_scene_is_not_written_down_are_not_used() {
    let sandbox = with_scene();
    killed(&sandbox, &["-o", "out.png"]);
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    // Behind the records of the job and of its run.
    let record = |at: usize| 12 + u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let first = 12 + record(12);
    fs::write(&path, &whole[..first + record(first)]).unwrap();
    assert_eq!(newest(&sandbox)["rows_done"], 0);
    let changed = super::slow().replace("bozo scale 0.1", "bozo scale 0.7");
    sandbox.write("slow.pov", &changed);
    let outcome = resume(&sandbox, &[]);
    assert_eq!(events::last(outcome.code(0)).unwrap()["rows_resumed"], 0, "{}", outcome.transcript());

    let alone = Sandbox::new();
    alone.write("slow.pov", &changed);
    let folder = alone.work();
    let switches = super::SWITCHES.map(str::to_owned);
    let wanted = Reference { root: &folder, folder: &folder, scene: "slow.pov", switches: &switches }.picture();
    compare::same(&wanted.unwrap(), &Picture::read(&sandbox.work().join("out.png")).unwrap()).unwrap();
}

/// CRC-32 as in PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[test]
fn another_tds_job_is_not_gone_on_with_where_that_matters() {
    let sandbox = with_scene();
    killed(&sandbox, &["-o", "out.png"]);
    let path = journal(&sandbox);
    let whole = fs::read(&path).unwrap();
    let length = u32::from_be_bytes(whole[12..16].try_into().unwrap()) as usize;
    // The same job as begun by another td: its first record rewritten, checksums and all.
    let begun_by = |change: &dyn Fn(&mut Value)| {
        let mut job: Value = serde_json::from_slice(&whole[24..24 + length]).unwrap();
        change(&mut job);
        let content = serde_json::to_vec(&job).unwrap();
        let mut head = (content.len() as u32).to_be_bytes().to_vec();
        head.extend(crc32(&content).to_be_bytes());
        head.extend(crc32(&head).to_be_bytes());
        fs::write(&path, [&whole[..12], &head, &content, &whole[24 + length..]].concat()).unwrap();
    };
    begun_by(&|job| job["protocol"] = 99.into());
    let outcome = resume(&sandbox, &[]);
    outcome.code(2).speaks_to_a_person().says(&["version 99 of td's protocol", "td cancel"]);
    ended_with("resume_other_protocol", &outcome);
    begun_by(&|job| job["encoder"] = 98.into());
    let outcome = resume(&sandbox, &[]);
    outcome.code(2).speaks_to_a_person().says(&["encoded in version 98"]);
    ended_with("resume_other_encoder", &outcome);

    let mut newer = whole.clone();
    newer[6] += 1;
    let crc = crc32(&newer[..8]);
    newer[8..12].copy_from_slice(&crc.to_be_bytes());
    fs::write(&path, &newer).unwrap();
    let outcome = process::run(&mut sandbox.td(["jobs", "--json"]), LIMIT);
    outcome.code(0).speaks_to_a_person().says(&["newer td", "update td"]);
    ended_with("jobs_newer_journal", &outcome);
    let id = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let outcome = resume(&sandbox, &[&id]);
    outcome.code(2).speaks_to_a_person().says(&[&format!("version {} of the journal", newer[6]), "update td"]);
    ended_with("resume_newer_journal", &outcome);
    assert_eq!(fs::read(&path).unwrap(), newer, "it stays as it is");

    // A version that changes nothing that matters.
    begun_by(&|job| job["td"] = "0.0.1".into());
    resume(&sandbox, &[]).code(0);
    is_exact(&sandbox, "out.png");
}
