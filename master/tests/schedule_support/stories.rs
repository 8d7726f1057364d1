use td::schedule::{Event, Job, NodeId, Scheduler, Sharing, StuckReason, Tuning, WriteCost};
use td_protocol::rows::Rows;

use crate::cluster::Cluster;

fn whole_leases(height: u32) -> Job {
    Job { sharing: Sharing::WholeLeases, ..Job::banded(height) }
}

#[test]
fn equal_slots_get_equal_strips() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    assert_eq!(cluster.said(), ["start 0..320 on 0", "start 320..640 on 1"]);
}

#[test]
fn a_faster_slot_gets_more_rows() {
    let mut cluster = Cluster::new(Job::banded(640), &[3.0, 1.0]);
    assert_eq!(cluster.said(), ["start 0..480 on 0", "start 480..640 on 1"]);
}

#[test]
fn a_known_map_steers_the_first_cut() {
    let mut cluster = Cluster::gathering(Job::banded(640));
    cluster.map(&[1.0, 1.0, 3.0, 3.0]);
    cluster.up(0, 0, 1.0);
    cluster.up(1, 1, 1.0);
    cluster.begin();
    assert_eq!(cluster.said(), ["start 0..416 on 0", "start 416..640 on 1"]);
}

#[test]
fn nothing_starts_before_the_slots_are_gathered() {
    let mut cluster = Cluster::gathering(Job::banded(640));
    cluster.up(0, 0, 1.0);
    assert!(cluster.said().is_empty());
}

#[test]
fn a_slot_that_runs_dry_takes_the_lower_part_so_that_both_finish_together() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.traces(0, 0.0);
    cluster.traces(1, 0.0);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    // Nine bands are left. Slot 1 was slow so far: four for it, five for slot 0.
    assert_eq!(cluster.orders(), ["start 0..320 on 0", "start 320..640 on 1", "shrink 1 to 480"]);
    cluster.answers(1, 480);
    assert_eq!(cluster.said(), ["start 480..640 on 0"]);
}

#[test]
fn the_agent_alone_decides_where_its_strip_ends() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.said();
    cluster.answers(1, 576);
    assert_eq!(cluster.said(), ["start 576..640 on 0"]);
}

#[test]
fn an_agent_that_gives_nothing_is_not_asked_again_before_it_gets_on() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.said();
    cluster.answers(1, 640);
    assert!(cluster.said().is_empty());
    cluster.at(100.0).renders(1, 352..384);
    assert_eq!(cluster.orders(), ["shrink 1 to 512"]);
}

#[test]
fn no_steal_that_cannot_pay() {
    let mut cluster = Cluster::new(Job::banded(128), &[1.0, 1.0]);
    cluster.at(0.7).renders(1, 64..96);
    cluster.completes(0);
    // One band of 0.1 s is left.
    assert_eq!(cluster.orders(), ["start 0..64 on 0", "start 64..128 on 1"]);
}

#[test]
fn silence_runs_into_the_deadline_and_the_first_copy_counts() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.said();
    cluster.at(52.5);
    assert_eq!(cluster.orders(), ["start 480..640 on 0"]);
    // Slot 1 has not heard and renders everything.
    cluster.renders(1, 352..544);
    assert_eq!(cluster.said(), ["settle 352..544", "give up on 1: its rows are already there"]);
    cluster.renders(0, 480..640);
    assert_eq!(cluster.said(), ["settle 544..640", "finished"]);
}

#[test]
fn an_agent_that_stays_silent_keeps_only_the_block_at_work() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(5.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.at(7.5).completes(0);
    cluster.said();
    cluster.at(60.0);
    // The rest is given out without asking again; a copy of the block at work comes when slot 0 is free.
    assert_eq!(cluster.said()[0], "start 384..512 on 0");
    cluster.at(61.0).completes(0);
    assert_eq!(cluster.orders(), ["copy 352..384 on 0"]);
    cluster.at(62.0).completes(0);
    assert_eq!(cluster.orders(), ["give up on 1: its rows are already there", "finished"]);
}

#[test]
fn a_late_answer_changes_nothing_for_the_thief() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.at(55.0);
    cluster.said();
    cluster.answers(1, 480);
    assert!(cluster.said().is_empty());
    cluster.at(90.0).renders(1, 352..480);
    cluster.completes(0);
    assert_eq!(cluster.orders(), ["finished"]);
}

#[test]
fn the_rows_of_a_lost_slot_go_to_who_runs_dry() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.lost(1);
    cluster.said();
    cluster.at(60.0).completes(0);
    assert_eq!(cluster.orders(), ["start 352..640 on 0"]);
    cluster.at(100.0).completes(0);
    assert_eq!(cluster.orders(), ["finished"]);
    assert_eq!(cluster.scheduler.counts().losses, 1);
}

#[test]
fn rows_of_a_lost_slot_that_come_after_all_count() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).lost(1);
    cluster.renders(1, 320..640);
    cluster.completes(0);
    assert_eq!(cluster.said().last().unwrap(), "finished");
}

#[test]
fn a_slot_that_comes_late_or_comes_back_is_used() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0]);
    cluster.at(10.0).renders(0, 0..32);
    cluster.said();
    cluster.up(1, 1, 1.0);
    assert_eq!(cluster.said(), ["shrink 0 to 352"]);
    cluster.answers(0, 352);
    assert_eq!(cluster.said(), ["start 352..640 on 1"]);
    cluster.lost(1);
    cluster.up(1, 1, 1.0);
    assert_eq!(cluster.said(), ["start 352..640 on 1"]);
}

#[test]
fn nobody_left_is_told_once_and_ends_with_the_next_slot() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0]);
    cluster.at(1.0).lost(0);
    cluster.at(2.0);
    assert_eq!(cluster.said()[1..], ["stuck: no slot is left: 640 rows are not rendered"]);
    cluster.up(5, 5, 1.0);
    assert_eq!(cluster.said(), ["start 0..640 on 5"]);
}

#[test]
fn a_node_that_fails_three_strips_in_a_row_rests_until_told() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0]);
    for _ in 0..3 {
        cluster.fails(0, "POV-Ray was killed by signal 9");
    }
    let said = cluster.said();
    assert_eq!(said[3], "rest 0: 3 strips in a row failed, the last one because POV-Ray was killed by signal 9");
    assert_eq!(said[4], "stuck: no node that can be reached takes strips: 640 rows are not rendered");
    cluster.up(0, 0, 1.0);
    assert!(cluster.said().is_empty());
    // Said once, and so as long as it rests.
    assert_eq!(cluster.scheduler.stuck(), Some(StuckReason::AllNodesRest { rows: 640 }));
    cluster.event(Event::NodeBack { node: NodeId(0) });
    assert_eq!(cluster.said(), ["start 0..640 on 0"]);
    assert_eq!(cluster.scheduler.stuck(), None);
}

/// One node was taken out, the other is lost: nobody can go on until the first is fit again, and then it does.
#[test]
fn who_is_fit_again_ends_it_though_another_is_lost() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.event(Event::NodeOut { node: NodeId(1), reason: "not fit".to_owned() });
    cluster.ends(1);
    cluster.lost(0);
    assert!(matches!(cluster.scheduler.stuck(), Some(StuckReason::AllNodesRest { .. })));
    cluster.event(Event::NodeBack { node: NodeId(1) });
    assert_eq!(cluster.scheduler.stuck(), None);
    assert!(cluster.is_busy(1));
}

#[test]
fn a_node_that_is_drained_ends_its_strip_and_gets_no_other() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(0, 0..160);
    cluster.renders(1, 320..352);
    cluster.said();
    cluster.event(Event::NodeDrain { node: NodeId(0), reason: "its root is read-only".to_owned() });
    assert_eq!(cluster.orders(), ["rest 0: its root is read-only"], "its strip goes on");
    cluster.completes(0);
    assert!(cluster.orders().is_empty(), "it is idle, and rows are left");
    cluster.event(Event::NodeBack { node: NodeId(0) });
    assert_eq!(cluster.orders().len(), 1, "it is used again");
}

#[test]
fn rows_of_a_drained_nodes_strip_are_taken_by_others() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(0, 0..32);
    cluster.event(Event::NodeDrain { node: NodeId(0), reason: "not fit".to_owned() });
    cluster.renders(1, 320..640);
    cluster.said();
    cluster.ends(1);
    let orders = cluster.orders();
    assert!(orders.len() == 1 && orders[0].starts_with("shrink 0 to "), "{orders:?}");
}

#[test]
fn a_drained_node_that_waits_for_rows_gets_none() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(50.0).renders(1, 320..352);
    cluster.completes(0);
    cluster.said();
    cluster.event(Event::NodeDrain { node: NodeId(0), reason: "not fit".to_owned() });
    cluster.said();
    cluster.answers(1, 480);
    assert!(cluster.said().is_empty(), "nobody is there to render them yet");
    cluster.completes(1);
    assert_eq!(cluster.orders(), ["start 480..640 on 1"]);
}

#[test]
fn a_slow_slot_gives_rows_away_and_keeps_working() {
    let mut cluster = Cluster::new(Job::banded(1280), &[1.0, 1.0]);
    cluster.traces(0, 0.0);
    cluster.traces(1, 0.0);
    for band in 0..10 {
        cluster.at(f64::from(band + 1)).renders(0, band * 32..(band + 1) * 32);
        cluster.renders(1, 640 + band * 32..640 + (band + 1) * 32);
    }
    // Slot 1 drops to a tenth.
    cluster.at(20.0).renders(0, 320..640);
    cluster.renders(1, 960..992);
    cluster.said();
    cluster.ends(0);
    let orders = cluster.orders();
    assert_eq!(orders.len(), 1);
    let new_end: u32 = orders[0].strip_prefix("shrink 1 to ").unwrap().parse().unwrap();
    assert!((1024..1150).contains(&new_end), "{new_end}");
}

#[test]
fn who_comes_late_is_expected_to_be_as_busy_as_the_others_have_become() {
    let mut cluster = Cluster::new(Job::any_row(64_000), &[1.0, 1.0]);
    let mut now = 0.0;
    // Twenty blocks of a second each, and then the machines get busy: a quarter of each is left.
    for block in 1..=300_u32 {
        now += if block <= 20 { 1.0 } else { 4.0 };
        cluster.at(now);
        for slot in 0..2 {
            let end = 32_000 * slot + 32 * block;
            cluster.renders_with(slot, end - 32..end, 1.0);
        }
    }
    cluster.said();
    cluster.up(2, 2, 1.0);
    let orders = cluster.orders();
    let order = orders.first().expect("it gets rows");
    let end: u32 = order.rsplit(' ').next().and_then(|end| end.parse().ok()).expect("a shrink");
    let victim: u32 = order.split(' ').nth(1).and_then(|slot| slot.parse().ok()).expect("of a slot");
    let (frontier, whole) = (32_000 * victim + 9600, 32_000 * (victim + 1));
    let share = f64::from(whole - end) / f64::from(whole - frontier);
    assert!((0.4..0.6).contains(&share), "it gets {share} of what is left: {orders:?}");
}

#[test]
fn a_stuck_slot_is_relieved_of_all_but_its_block_and_that_is_copied() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.traces(0, 0.0);
    cluster.traces(1, 0.0);
    for band in 0..9 {
        cluster.at(f64::from(band + 1)).renders(0, band * 32..(band + 1) * 32);
        cluster.renders(1, 320 + band * 32..320 + (band + 1) * 32);
    }
    // Slot 1 stops with one band to go.
    cluster.at(10.0).completes(0);
    cluster.said();
    // A band took a second, and three are waited for.
    cluster.at(16.0);
    assert_eq!(cluster.said(), ["copy 608..640 on 0"]);
    cluster.completes(0);
    assert_eq!(cluster.said(), ["settle 608..640", "give up on 1: its rows are already there", "finished"]);
}

#[test]
fn whole_leases_are_settled_whole_and_rendered_again_whole() {
    let mut cluster = Cluster::new(whole_leases(640), &[1.0, 1.0]);
    assert_eq!(cluster.said(), ["start 0..160 on 0", "start 160..288 on 1"]);
    cluster.at(10.0).renders(0, 0..96);
    assert!(cluster.said().is_empty());
    cluster.lost(0);
    cluster.at(20.0).completes(1);
    let said = cluster.said();
    assert_eq!(said[0], "settle 160..288");
    assert!(said[1].starts_with("start "), "{said:?}");
    // Rows of the lost lease never count, however late they come.
    assert!(!said.iter().any(|text| text.starts_with("settle 0..")));
}

#[test]
fn one_lease_goes_whole_to_the_fastest_slot() {
    let job = Job { sharing: Sharing::OneLease, ..Job::banded(640) };
    let mut cluster = Cluster::new(job, &[1.0, 4.0, 2.0]);
    assert_eq!(cluster.said(), ["start 0..640 on 1"]);
    cluster.at(50.0).renders(1, 0..320);
    cluster.lost(1);
    assert_eq!(cluster.said(), ["start 0..640 on 2"]);
    cluster.at(80.0).completes(2);
    assert_eq!(cluster.said(), ["settle 0..640", "finished"]);
}

#[test]
fn finished_rows_of_an_earlier_run_are_not_rendered_again() {
    let job = Job { done: vec![Rows::new(0, 320), Rows::new(352, 600)], ..Job::banded(640) };
    let mut cluster = Cluster::new(job, &[1.0, 1.0]);
    assert_eq!(cluster.said(), ["start 576..640 on 0", "start 320..352 on 1"]);
    cluster.at(10.0).completes(0);
    cluster.completes(1);
    assert_eq!(cluster.said(), ["settle 600..640", "settle 320..352", "finished"]);
}

#[test]
fn a_job_with_nothing_to_do_is_finished_at_once() {
    let job = Job { done: vec![Rows::new(0, 640)], ..Job::banded(640) };
    assert_eq!(Cluster::new(job, &[]).said(), ["finished"]);
}

#[test]
fn refused_rows_are_rendered_again_elsewhere() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.at(10.0).completes(1);
    cluster.said();
    cluster.event(Event::NodeOut { node: NodeId(1), reason: "its pixels were wrong".to_owned() });
    cluster.event(Event::RowsRefused { rows: Rows::new(320, 640) });
    assert_eq!(cluster.said(), ["rest 1: its pixels were wrong"]);
    cluster.at(11.0).completes(0);
    assert_eq!(cluster.orders(), ["start 320..640 on 0"]);
}

#[test]
fn a_node_that_draws_wrong_is_out_after_the_end_and_the_others_share_its_rows() {
    let mut cluster = Cluster::new(Job::banded(960), &[1.0, 1.0, 1.0]);
    for slot in 0..3 {
        cluster.at(10.0).completes(slot);
    }
    assert_eq!(cluster.orders().last().unwrap(), "finished");
    cluster.event(Event::NodeOut { node: NodeId(1), reason: "wrong pixels".to_owned() });
    assert_eq!(cluster.said(), ["rest 1: wrong pixels"]);
    cluster.event(Event::RowsRefused { rows: Rows::new(320, 640) });
    let first = cluster.said();
    assert!(first.iter().all(|order| order.starts_with("start") && !order.ends_with("on 1")), "{first:?}");
    assert!(!cluster.scheduler.finished());
    // It comes back, as a lost node would: nothing is for it.
    cluster.up(1, 1, 9.0);
    assert!(cluster.orders().iter().all(|order| !order.ends_with("on 1")));
    for time in 1..40 {
        for slot in [0, 2] {
            if cluster.is_busy(slot) {
                cluster.at(20.0 + f64::from(time)).completes(slot);
            }
        }
    }
    let orders = cluster.orders();
    assert_eq!(orders.last().unwrap(), "finished", "{orders:?}");
    assert!(orders.iter().all(|order| !order.ends_with("on 1")), "{orders:?}");
}

#[test]
fn with_no_other_node_wrong_rows_stay_unrendered_and_that_is_said() {
    let mut cluster = Cluster::new(Job::banded(320), &[1.0]);
    cluster.at(10.0).completes(0);
    cluster.said();
    cluster.event(Event::RowsRefused { rows: Rows::new(0, 320) });
    // Before anybody could start: the node goes out in the same breath.
    cluster.event(Event::NodeOut { node: NodeId(0), reason: "wrong pixels".to_owned() });
    let said = cluster.said();
    assert!(said.last().unwrap().starts_with("stuck: no node that can be reached takes strips"), "{said:?}");
}

#[test]
fn where_any_row_may_begin_a_strip_boundaries_are_finer() {
    assert_eq!(Cluster::new(Job::any_row(2000), &[1.0, 1.3]).said(), ["start 0..1130 on 1", "start 1130..2000 on 0"]);
    // Slots of one model are relied on.
    let cut = ["start 0..1043 on 1", "start 1043..2000 on 0"];
    assert_eq!(Cluster::new(Job::any_row(2000), &[1.0, 1.09]).said(), cut);
}

#[test]
fn the_end_of_long_strips_is_kept_back_where_a_block_is_worth_a_start() {
    let mut cluster = Cluster::with_start(Job::any_row(2000), &[1.0, 1.3], 0.6);
    assert_eq!(cluster.said(), ["start 0..1098 on 1", "start 1130..1968 on 0"]);
    cluster.at(30.0).completes(1);
    cluster.completes(0);
    // Of the 64 rows that were kept back each takes its share of four fifths.
    let orders = cluster.orders();
    assert!(orders[0].starts_with("shrink 0"), "{orders:?}");
    let whole = ["start 0..1130 on 1", "start 1130..2000 on 0"];
    // A block is about a second of such a slot.
    assert_eq!(Cluster::with_start(Job::any_row(2000), &[1.0, 1.3], 1.2).said(), whole);
    // A strip of a few blocks goes out whole.
    let short = Cluster::with_start(Job::any_row(400), &[1.0, 1.3], 0.2).said();
    assert!(short.iter().all(|said| said.starts_with("start")) && short[0].starts_with("start 0..226 "), "{short:?}");
}

#[test]
fn the_first_rows_tell_the_rate_and_blame_no_slot() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.traces(0, 0.0);
    cluster.traces(1, 0.0);
    // Sixty seconds were assumed for all of it; it is a hundred times as much.
    cluster.at(600.0).renders(0, 0..32);
    cluster.renders(1, 320..352);
    let speeds: Vec<f64> = cluster.scheduler.speeds().map(|(_, speed)| speed).collect();
    assert!(speeds.iter().all(|speed| (speed - 1.0).abs() < 0.05), "{speeds:?}");
}

#[test]
fn where_writing_costs_the_lower_strip_is_shorter() {
    let write = WriteCost { top: 0.0, bottom: 20.0 };
    let mut cluster = Cluster::new(Job { write, ..Job::banded(640) }, &[1.0, 1.0]);
    assert_eq!(cluster.said(), ["start 0..352 on 0", "start 352..640 on 1"]);
}

#[test]
fn a_part_of_an_image_counts_its_bands_from_its_own_first_row() {
    let job = Job { rows: Rows::new(10, 202), band_origin: 10, ..Job::banded(640) };
    let mut cluster = Cluster::new(job, &[1.0, 1.0]);
    assert_eq!(cluster.said(), ["start 10..106 on 0", "start 106..202 on 1"]);
}

#[test]
fn rows_from_a_cache_end_the_strips_that_render_them() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0, 1.0]);
    cluster.said();
    cluster.event(Event::RowsSettledElsewhere { rows: Rows::new(320, 640) });
    assert_eq!(cluster.said(), ["give up on 1: its rows are already there"]);
    cluster.ends(1);
    assert_eq!(cluster.orders(), ["shrink 0 to 160"]);
}

#[test]
fn jobs_without_sense_are_refused() {
    let outside = Job { rows: Rows::new(0, 700), ..Job::banded(640) };
    let blocks = Job { fine_rows: 5, ..Job::banded(640) };
    assert_eq!(
        Scheduler::new(outside, Tuning::default()).unwrap_err().to_string(),
        "rows 1 to 700 are not inside an image of 640 rows"
    );
    assert!(Scheduler::new(blocks, Tuning::default()).is_err());
}

#[test]
fn a_strip_that_yields_to_another_job_is_started_again_where_it_was() {
    let mut cluster = Cluster::new(Job::banded(640), &[1.0]);
    cluster.traces(0, 0.0);
    cluster.said();
    // More often than a node may fail in a row: nobody has failed.
    for at in 1..6 {
        cluster.at(10.0 * f64::from(at)).renders(0, 64 * (at - 1)..64 * at);
        cluster.yields(0);
        assert_eq!(cluster.said().last().unwrap(), &format!("start {}..640 on 0", 64 * at));
    }
}
