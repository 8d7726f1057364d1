//! Strips that are late: what is told of their blocks, and who renders their last rows.

use std::collections::BTreeMap;
use std::ops::Range;

use td::schedule::{Event, Job, LeaseId, NodeId, SlotId};
use td_protocol::rows::Rows;

use crate::cluster::Cluster;

/// Four slots of equal strips of 96 rows; three have rendered all of theirs after 30 s, and slot 3 all but its last block, which
/// it has been at for ten seconds.
fn three_wait_for_the_last_block() -> Cluster {
    let mut cluster = Cluster::with_start(Job::any_row(384), &[1.0; 4], 0.6);
    for block in 1..=3_u32 {
        for slot in 0..4 {
            let end = 96 * slot + 32 * block;
            if (block, slot) != (3, 3) {
                cluster.at(f64::from(block) * 10.0).renders(slot, end - 32..end);
            }
        }
    }
    cluster.said();
    cluster
}

#[test]
fn a_slot_that_lags_in_its_last_block_is_relieved_by_all_that_are_idle() {
    let mut cluster = three_wait_for_the_last_block();
    // It is as far as it should be after five seconds, and gets a quarter of its processor.
    cluster.works(3, 0.3, 2.5);
    (0..3).for_each(|slot| cluster.ends(slot));
    // The first that is idle begins a copy; with the others it is sooner.
    let sooner = "idle slots render its last rows sooner";
    assert_eq!(
        cluster.orders(),
        [
            "copy 352..384 on 0".to_owned(),
            format!("give up on 0: {sooner}"),
            format!("give up on 3: {sooner}"),
            "start 352..368 on 1".to_owned(),
            "start 368..384 on 2".to_owned(),
        ]
    );
}

#[test]
fn a_last_block_that_goes_as_predicted_is_left_alone() {
    let mut cluster = three_wait_for_the_last_block();
    cluster.works(3, 0.95, 9.8);
    (0..3).for_each(|slot| cluster.ends(slot));
    assert!(cluster.orders().is_empty());
}

#[test]
fn what_is_told_of_blocks_makes_no_sense_sometimes_and_changes_nothing_then() {
    let mut cluster = three_wait_for_the_last_block();
    for (done, cpu) in [(f64::NAN, 1.0), (0.5, f64::NAN), (0.5, -1.0), (2.0, f64::INFINITY), (-1.0, 1e9)] {
        cluster.works(3, done, cpu);
    }
    cluster.event(Event::Working { slot: SlotId(9), lease: LeaseId(99), done: 0.5, cost_seconds: 1.0 });
    assert!(cluster.orders().is_empty());
}

#[test]
fn from_a_strip_that_will_be_late_rows_are_taken_before_its_last_blocks_begin() {
    let mut cluster = Cluster::with_start(Job::any_row(700), &[1.0, 1.0], 0.6);
    assert_eq!(cluster.said(), ["start 0..350 on 0", "start 350..700 on 1"]);
    // Blocks of 6 s on slot 0, of 7 s on slot 1: when the ninth is there, the last rows would end ten seconds after slot 0.
    for block in 1..=9_u32 {
        for (slot, each) in [(0, 6.0), (1, 7.0)] {
            let end = 350 * slot + 32 * block;
            cluster.at(f64::from(block) * each).renders(slot, end - 32..end);
            let last = (block, slot) == (9, 1);
            assert_eq!(cluster.orders(), if last { vec!["shrink 1 to 670"] } else { vec![] });
        }
    }
    // They are nobody's in particular.
    cluster.answers(1, 670);
    assert!(cluster.orders().is_empty());
    cluster.at(65.6).completes(0);
    assert_eq!(cluster.orders(), ["start 670..700 on 0"]);
}

#[test]
fn rows_that_cost_more_than_the_map_says_do_not_go_from_slot_to_slot() {
    const START: f64 = 3.0;
    let job = Job { fine_rows: 1, ..Job::banded(128) };
    let mut cluster = Cluster::gathering(job);
    cluster.map(&[1.0]);
    for slot in 0..4 {
        let start_seconds = Some(START);
        cluster.event(Event::SlotUp { slot: SlotId(slot), node: NodeId(slot), speed: 1.0, start_seconds });
    }
    cluster.begin();
    // The last quarter takes ten times as long as the others, and no agent says how far its blocks are.
    let seconds = |rows: &Range<u32>| rows.clone().map(|row| if row < 96 { 0.15 } else { 1.5 }).sum::<f64>();
    let mut busy: BTreeMap<u32, (f64, Range<u32>)> = BTreeMap::new();
    let (mut starts, mut now) = (0, 0.0);
    while busy.len() + starts == 0 || !busy.is_empty() {
        for order in cluster.orders() {
            let words: Vec<&str> = order.split([' ', '.', ':']).collect();
            let number = |index: usize| words[index].parse::<u32>().unwrap();
            match words[0] {
                "start" | "copy" => {
                    let rows = number(1)..number(3);
                    busy.insert(number(5), (now + START + seconds(&rows), rows));
                    starts += 1;
                }
                "give" => {
                    busy.remove(&number(3));
                    cluster.ends(number(3));
                }
                other => assert!(["shrink", "finished"].contains(&other), "{order}"),
            }
        }
        now += 0.1;
        cluster.at(now);
        for (&slot, _) in busy.iter().filter(|(_, (end, rows))| (end - seconds(rows) - now).abs() < 0.05) {
            cluster.traces(slot, START);
        }
        let done: Vec<u32> = busy.iter().filter(|(_, (end, _))| *end <= now).map(|(&slot, _)| slot).collect();
        for slot in done {
            busy.remove(&slot);
            cluster.completes(slot);
        }
        assert!(now < 200.0, "it has no end");
    }
    assert!(cluster.scheduler.finished());
    // One strip each, and then the late one once among the others.
    assert!(starts <= 4 + 4 && now < START + 48.0, "{starts} starts, {now} s");
}

/// An agent sees with the first row of blocks that POV-Ray had set up the trace before: that was a part of its start, and the
/// next start takes as long.
#[test]
fn a_start_that_turns_out_longer_counts_for_the_next_one() {
    let orders = |told_again: bool| {
        let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
        cluster.map(&[1.0]);
        for slot in 0..2 {
            cluster.at(1.0).traces(slot, 1.0);
            if told_again {
                cluster.at(5.0).traces(slot, 4.0);
            }
        }
        // One second for each block; 4 s, or none, before the first.
        let first = if told_again { 5.0 } else { 2.0 };
        cluster.at(first).renders(0, 0..32);
        cluster.renders(1, 320..352);
        cluster.at(first + 5.0).renders(1, 352..512);
        cluster.at(first + 5.1).completes(0);
        cluster.orders()
    };
    let starts = ["start 0..320 on 0", "start 320..640 on 1"];
    // Four blocks are left. With a start of a second two of them are worth taking, with one of four seconds none.
    assert_eq!(orders(false), [&starts[..], &["shrink 1 to 576"]].concat());
    assert_eq!(orders(true), starts);
}

/// An agent looks now and then. When it finds rows finished, the next block may be half done: that time was not spent on the
/// rows, and the slot gets as much of its processor as before.
#[test]
fn what_a_look_finds_of_the_next_block_does_not_make_the_slot_seem_slow() {
    let speed = |ahead_seconds: f64| {
        let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
        cluster.map(&[1.0]);
        cluster.traces(0, 0.0);
        let (slot, lease, rows) = (SlotId(0), LeaseId(1), Rows::new(0, 32));
        cluster.at(3.0).event(Event::RowsDone { slot, lease, rows, cost_seconds: 2.0, ahead_seconds });
        let speeds: Vec<(SlotId, f64)> = cluster.scheduler.speeds().collect();
        speeds[0].1
    };
    assert!((speed(0.0) - 2.0 / 3.0).abs() < 0.01, "{}", speed(0.0));
    assert!((speed(1.0) - 1.0).abs() < 0.01, "{}", speed(1.0));
}

/// With two blocks left a strip that is late is asked to end with the first of them. Not so where the block before the
/// last is nearly done by the time at which the rows before it are told.
#[test]
fn a_look_that_comes_late_does_not_make_a_strip_seem_late() {
    let orders = |ahead_seconds: f64| {
        let job = Job { fine_rows: 1, ..Job::banded(256) };
        let mut cluster = Cluster::gathering(job);
        cluster.map(&[1.0]);
        for slot in 0..2 {
            let start_seconds = Some(0.6);
            cluster.event(Event::SlotUp { slot: SlotId(slot), node: NodeId(slot), speed: 1.0, start_seconds });
        }
        cluster.begin();
        for slot in 0..2 {
            cluster.at(0.0).traces(slot, 0.0);
        }
        // A second for each block.
        for block in 1..=2_u32 {
            cluster.at(f64::from(block)).renders(0, 32 * (block - 1)..32 * block);
            let rows = Rows::new(128 + 32 * (block - 1), 128 + 32 * block);
            let (slot, lease) = (SlotId(1), LeaseId(2));
            let (late, ahead_seconds) = if block == 2 { (0.95, ahead_seconds) } else { (0.0, 0.0) };
            cluster.at(f64::from(block) + late);
            cluster.event(Event::RowsDone { slot, lease, rows, cost_seconds: 1.0, ahead_seconds });
        }
        cluster.at(2.96).renders(0, 64..96);
        cluster.orders()
    };
    assert_eq!(orders(0.95).len(), 2, "both strips are started, and no more is said");
}

/// Rows whose CPU time was too short to be seen took wall time all the same, most of it not theirs where a slot gets a small share of its
/// processor: no more than that share of it goes into the map that is kept.
#[test]
fn rows_of_which_no_cpu_time_is_known_do_not_swell_the_map_that_is_kept() {
    let mut cluster = Cluster::new(Job::banded(256), &[1.0, 1.0]);
    cluster.map(&[1.0]);
    for slot in 0..2 {
        cluster.at(0.0).traces(slot, 0.0);
    }
    // A tenth of a processor: 10 s of the clock for each block of 1 s.
    for block in 1..=4_u32 {
        cluster.at(10.0 * f64::from(block));
        for slot in 0..2_u32 {
            let start = 128 * slot + 32 * (block - 1);
            let (slot, lease, rows) = (SlotId(slot), LeaseId(u64::from(slot) + 1), Rows::new(start, start + 32));
            let cost_seconds = if block == 4 { 0.0 } else { 1.0 };
            cluster.event(Event::RowsDone { slot, lease, rows, cost_seconds, ahead_seconds: 0.0 });
        }
    }
    let map = cluster.scheduler.cost_map().unwrap().costs;
    let mean = map.iter().sum::<f64>() / map.len() as f64;
    assert!(map.iter().all(|cost| (cost / mean - 1.0).abs() < 0.2), "{map:?}");
}
