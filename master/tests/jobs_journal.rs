//! The journal's bytes: whatever is cut off or changed, what is read is a beginning of what was written.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use proptest::prelude::*;
use td::jobs::codec::{self, DecodeError, FILE_HEAD};
use td::jobs::record::{
    AgentsRecord, AttemptRecord, ClaimRecord, CompleteRecord, CrewRecord, DisputeRecord, EndRecord, FileMark,
    FileRecord, FirstPassRecord, JobRecord, NodeOutRecord, Outcome, OutputRecord, PictureRecord, ProbeRecord,
    RunRecord, SeamsChosen, SeamsRecord,
};
use td::jobs::{History, Record, SavedText};
use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::PixelFormat;
use td_protocol::probe::ProbeReport;
use td_protocol::rows::Rows;
use td_protocol::strip::{Way, WorkingGamma};

fn saved() -> impl Strategy<Value = SavedText> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let awkward = prop::sample::select(vec!["\\x5c", "\\", "a\\xzz", "/home/pi/sc\u{e9}ne.pov", "\u{fffd}", "%41"]);
    prop_oneof![
        bytes.prop_map(|bytes| SavedText(OsString::from_vec(bytes))),
        awkward.prop_map(SavedText::from),
        "[a-z/.]{1,20}".prop_map(|text| SavedText::from(&text)),
    ]
}

fn hash() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 32]>().prop_map(ContentHash)
}

/// Numbers that JSON brings back exactly.
fn seconds() -> impl Strategy<Value = f64> {
    (0..1u64 << 40).prop_map(|eighths| eighths as f64 / 8.0)
}

fn options() -> impl Strategy<Value = RenderOptions> {
    let gamma = prop_oneof![Just(FileGamma::Srgb), (1..9u8).prop_map(|g| FileGamma::Power(f32::from(g) / 3.0))];
    (1..5000u32, 1..5000u32, gamma, any::<bool>(), prop::collection::vec("[+][A-Z]{1,3}[0-9.]{0,4}", 0..4)).prop_map(
        |(width, height, file_gamma, dither, switches)| RenderOptions {
            width,
            height,
            rows: Rows::new(height / 3, height),
            columns: Rows::new(0, width),
            format: PixelFormat::RGB8,
            file_gamma,
            dither,
            antialias_method: 2,
            switches,
        },
    )
}

fn mark() -> impl Strategy<Value = FileMark> {
    (any::<u64>(), any::<u64>(), any::<u64>(), any::<i64>(), 0..1_000_000_000i64)
        .prop_map(|(device, inode, size, seconds, nanoseconds)| FileMark { device, inode, size, seconds, nanoseconds })
}

fn job() -> impl Strategy<Value = JobRecord> {
    let texts = || prop::collection::vec(saved(), 0..4);
    let seams = prop::sample::select(vec![None, Some(SeamsRecord::TwoPass), Some(SeamsRecord::Allow)]);
    let groups = (prop::sample::select(vec![None, Some(32), Some(64)]), any::<bool>());
    let agents = (texts(), prop::option::of(saved()), prop::option::of(1..9u32), groups).prop_map(
        |(agents, inventory, slots, (group, mix_groups))| {
            let cache = inventory.clone();
            AgentsRecord { agents, cache, inventory, slots, group, mix_groups }
        },
    );
    (seconds(), texts(), saved(), prop::option::of(saved()), options(), prop::option::of(mark()), seams, agents)
        .prop_map(|(made, texts, path, assets, options, replaces, seams, agents)| JobRecord {
            id: "0123456789ab".to_owned(),
            made,
            td: "0.1.0".to_owned(),
            protocol: 1,
            encoder: 1,
            typed: texts.clone(),
            folder: path.clone(),
            scene: path.clone(),
            library_paths: texts,
            assets,
            options,
            output: path,
            replaces,
            exact: seams.is_some(),
            seams,
            agents,
            stall_timeout: made,
            fresh: false,
            verify_rows: None,
        })
}

fn report() -> impl Strategy<Value = ProbeReport> {
    (seconds(), prop::collection::vec(seconds(), 0..5), 1..9u8, "[a-z\n]{0,20}").prop_map(
        |(trace_cpu, row_costs, gamma, warnings)| ProbeReport {
            chunks: Vec::new(),
            way: Way::StateFile { working_gamma: WorkingGamma::Power(f32::from(gamma) / 3.0) },
            reason: String::new(),
            row_costs,
            rows_per_cost: 2,
            start_seconds: 0.5,
            start_cpu: 0.25,
            trace_cpu,
            trace_seconds: trace_cpu,
            cut_differences: Some(0),
            warnings,
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let outcome = prop::sample::select(vec![Outcome::Done, Outcome::Failed, Outcome::Interrupted, Outcome::Cancelled]);
    let file = (".{0,9}", hash(), saved()).prop_map(|(name, hash, path)| FileRecord { name, hash, path });
    let fingerprint = (".{0,9}", hash()).prop_map(|(povray, picture)| Fingerprint { povray, word_size: 64, picture });
    prop_oneof![
        (seconds(), any::<u32>()).prop_map(|(at, pid)| Record::Run(RunRecord { at, pid, td: "0.1.0".to_owned() })),
        (any::<u32>(), prop::collection::vec(".{0,9}", 0..3), hash(), prop::collection::vec(file, 0..4))
            .prop_map(|(number, found, bundle, files)| Record::Attempt(AttemptRecord { number, found, bundle, files })),
        (fingerprint, prop::collection::vec(".{0,9}", 0..3))
            .prop_map(|(fingerprint, nodes)| Record::Crew(CrewRecord { fingerprint, nodes })),
        (hash(), any::<u64>()).prop_map(|(hash, size)| Record::FirstPass(FirstPassRecord { hash, size })),
        (any::<bool>(), report()).prop_map(|(cut, report)| Record::Probe(ProbeRecord { cut, report })),
        seconds().prop_map(|at| Record::Complete(CompleteRecord { at })),
        (any::<u64>(), any::<u64>(), prop::option::of(saved())).prop_map(|(device, inode, temporary)| {
            Record::Picture(PictureRecord { device, inode, size: inode, temporary })
        }),
        (".{0,9}", ".{0,30}").prop_map(|(node, reason)| Record::NodeOut(NodeOutRecord { node, reason })),
        (any::<u32>(), any::<u32>(), prop::collection::vec((".{0,9}", hash()), 0..3)).prop_map(
            |(start, end, claims)| {
                let claims = claims.into_iter().map(|(node, picture)| ClaimRecord { node, picture }).collect();
                Record::Dispute(DisputeRecord { rows: Rows::new(start, end), claims })
            }
        ),
        (prop::collection::vec(saved(), 0..3), prop::option::of(saved())).prop_map(|(agents, inventory)| {
            Record::Agents(AgentsRecord { agents, inventory, ..AgentsRecord::default() })
        }),
        (saved(), prop::option::of(mark()))
            .prop_map(|(output, replaces)| Record::Output(OutputRecord { output, replaces })),
        prop::sample::select(vec![SeamsRecord::OneNode, SeamsRecord::TwoPass])
            .prop_map(|choice| Record::Seams(SeamsChosen { choice })),
        (seconds(), outcome, ".{0,30}", any::<bool>(), any::<u32>()).prop_map(
            |(at, outcome, message, resumable, rows_done)| {
                Record::End(EndRecord { at, outcome, message, resumable, rows_done })
            }
        ),
    ]
}

/// A job and what follows it.
fn journal() -> impl Strategy<Value = Vec<Record>> {
    (job(), prop::collection::vec(record(), 0..6))
        .prop_map(|(job, records)| std::iter::once(Record::Job(Box::new(job))).chain(records).collect())
}

fn bytes_of(records: &[Record]) -> Vec<u8> {
    records.iter().fold(codec::file_head().to_vec(), |mut bytes, record| {
        bytes.extend(codec::encode(record).unwrap());
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_comes_back(records in journal()) {
        let bytes = bytes_of(&records);
        let decoded = codec::decode(&bytes).unwrap();
        prop_assert_eq!(decoded.good, bytes.len());
        prop_assert_eq!(&decoded.records, &records);
        prop_assert!(History::of(records).is_ok());
    }

    #[test]
    fn wherever_it_is_cut_whole_records_come_back(records in journal(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(&records);
        let cut = cut.index(bytes.len() + 1);
        match codec::decode(&bytes[..cut]) {
            Ok(decoded) => {
                prop_assert!(cut >= FILE_HEAD);
                prop_assert_eq!(&decoded.records[..], &records[..decoded.records.len()]);
                prop_assert_eq!(decoded.good, bytes_of(&decoded.records).len());
                // Not one whole record is given up.
                let next = records.get(..decoded.records.len() + 1).map(|more| bytes_of(more).len());
                prop_assert!(next.is_none_or(|next| next > cut));
            }
            Err(error) => {
                prop_assert_eq!(error, DecodeError::NotAJournal);
                prop_assert!(cut < FILE_HEAD);
            }
        }
    }

    #[test]
    fn a_byte_that_is_another_ends_what_is_read(records in journal(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut bytes = bytes_of(&records);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        match codec::decode(&bytes) {
            Ok(decoded) => {
                prop_assert!(decoded.good <= at, "{} bytes are good, the {at}th is not", decoded.good);
                prop_assert!(decoded.records.len() < records.len());
                prop_assert_eq!(&decoded.records[..], &records[..decoded.records.len()]);
            }
            Err(error) => {
                prop_assert_eq!(error, DecodeError::NotAJournal);
                prop_assert!(at < FILE_HEAD);
            }
        }
    }

    #[test]
    fn any_bytes_are_no_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), as_journal in any::<bool>()) {
        if as_journal {
            bytes.splice(0..0, codec::file_head());
        }
        if let Ok(decoded) = codec::decode(&bytes) {
            prop_assert!(decoded.records.is_empty());
            prop_assert_eq!(decoded.good, FILE_HEAD);
        }
    }
}

/// A record, and its bytes in a journal.
fn interrupted() -> (Record, Vec<u8>) {
    let record = Record::End(EndRecord {
        at: 1.5,
        outcome: Outcome::Interrupted,
        message: "b\u{e4}h".to_owned(),
        resumable: true,
        rows_done: 7,
    });
    let content = r#"{"kind":"end","at":1.5,"outcome":"interrupted","message":"bäh","resumable":true,"rows_done":7}"#;
    let mut bytes = b"\x00\x00\x00\x5f\xe8\x24\x3a\x53\x24\x25\xde\xaf".to_vec();
    bytes.extend(content.as_bytes());
    (record, bytes)
}

/// What version 2 looks like on disk. If this changes, older journals cannot be read: raise the major version.
#[test]
fn version_two_stays_as_it_is() {
    let (record, bytes) = interrupted();
    assert_eq!(codec::file_head(), *b"tdjrnl\x02\x00\xb0\xbe\x67\x90");
    assert_eq!(codec::encode(&record).unwrap(), bytes);

    let claims = |node: &str, byte| ClaimRecord { node: node.to_owned(), picture: ContentHash([byte; 32]) };
    let dispute = Record::Dispute(DisputeRecord {
        rows: Rows::new(3, 9),
        claims: vec![claims("pi1", 0xab), claims("pi2", 0xcd)],
    });
    let content = format!(
        r#"{{"kind":"dispute","rows":{{"start":3,"end":9}},"claims":[{{"node":"pi1","picture":"{}"}},{{"node":"pi2","picture":"{}"}}]}}"#,
        "ab".repeat(32),
        "cd".repeat(32)
    );
    assert_eq!(std::str::from_utf8(&codec::encode(&dispute).unwrap()[12..]).unwrap(), content);
}

/// What version 1 looked like: a td of today goes on with the jobs of yesterday's.
#[test]
fn version_one_is_read() {
    let (record, content) = interrupted();
    let mut bytes = b"tdjrnl\x01\x00\x9b\x93\x34\x53".to_vec();
    bytes.extend(content);
    let decoded = codec::decode(&bytes).unwrap();
    assert_eq!((decoded.major, decoded.good), (1, bytes.len()));
    assert_eq!(decoded.records, [record]);
}
