//! All checks together: no report can make one panic, and none guesses.

use proptest::option::of as some;
use proptest::prelude::*;
use td_inventory::health::LIMITS;
use td_protocol::health::{
    Disk, Fast, Firmware, Link, Load, Look, Memory, Place, Probed, RenderTrial, Report, ShareTrial, Slow,
};
use td_protocol::hello::PovrayState;

use super::checks::{ALL, look};
use super::*;

#[test]
fn an_empty_report_is_no_reason_for_a_guess() {
    let report = Report::default();
    for is_node in [false, true] {
        let expected = Expected { gpu_mem: Some(16), arm_freq: Some(800), is_node, ..Expected::default() };
        let moment = Some(Moment { asked: 1.7e9, answered: 1.7e9 });
        let seen = Seen { report: &report, expected: &expected, moment };
        for (check, finding) in look(&seen) {
            assert_eq!(finding.verdict, Verdict::Unsupported, "{}: {}", check.name, finding.sentence);
        }
    }
}

/// One that says that it could not look is no well one.
#[test]
fn a_node_that_cannot_look_at_itself_is_not_ok() {
    let report = Report { look_problem: Some("it hangs".to_owned()), ..Report::default() };
    let finding = probe(&report, &Expected::default());
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.sentence.starts_with("it hangs: "), "{}", finding.sentence);
}

/// Of an inventory's node a probe is expected, as soon as its timer must have run.
#[test]
fn a_probe_that_never_ran_is_told_some_minutes_after_the_boot() {
    let mut report = Report { unprobed: Some("it has not run: see the timer".to_owned()), ..Report::default() };
    let node = Expected { is_node: true, ..Expected::default() };
    for (up, verdict) in [(60.0, Verdict::Unsupported), (400.0, Verdict::Warn), (4000.0, Verdict::Fail)] {
        report.look.uptime = Some(up);
        let finding = probe(&report, &node);
        assert_eq!(finding.verdict, verdict, "{}", finding.sentence);
        assert!(finding.sentence.contains("see the timer"), "{}", finding.sentence);
        assert_eq!(probe(&report, &Expected::default()).verdict, Verdict::Unsupported, "no inventory");
    }
    report.probed = Some(Probed { fast: Some(Fast::default()), ..Probed::default() });
    report.fast_age = Some(5.0);
    for (up, verdict) in [(600.0, Verdict::Ok), (4000.0, Verdict::Warn)] {
        report.look.uptime = Some(up);
        let finding = probe(&report, &node);
        assert_eq!(finding.verdict, verdict, "its daily half is missing: {}", finding.sentence);
    }
}

fn probe(report: &Report, expected: &Expected) -> Finding {
    (checks::named("probe").expect("there").look)(&Seen { report, expected, moment: None })
}

#[test]
fn a_trial_that_hung_does_not_say_that_there_is_no_povray() {
    let trial = RenderTrial { passed: false, seconds: 0.0, problem: Some("an earlier test render still hangs".into()) };
    let slow = Slow { render: Some(trial), ..Slow::default() };
    let fingerprint = td_protocol::hello::Fingerprint {
        povray: "3.7.0.10".into(),
        word_size: 32,
        picture: td_protocol::hash::ContentHash::of(b""),
    };
    let ready = PovrayState::Ready { fingerprint, state_file_proven: true, speed: 1.0 };
    let mut report = Report {
        povray: Some(ready),
        probed: Some(Probed { slow: Some(slow), ..Probed::default() }),
        ..Report::default()
    };
    let povray = |report: &Report| {
        let seen = Seen { report, expected: &Expected::default(), moment: None };
        let finding = (checks::named("povray").expect("there").look)(&seen);
        (finding.verdict, finding.sentence)
    };
    assert_eq!(povray(&report), (Verdict::Ok, "POV-Ray 3.7.0.10 of 32 bit".to_owned()));
    report.povray = None;
    assert_eq!(
        povray(&report),
        (Verdict::Fail, "the probe's test render failed: an earlier test render still hangs".to_owned())
    );
}

#[test]
fn a_card_that_takes_no_file_fails() {
    let report = Report { write_problem: Some("Read-only file system (os error 30)".into()), ..Report::default() };
    let seen = Seen { report: &report, expected: &Expected::default(), moment: None };
    let finding = (checks::named("card-speed").expect("there").look)(&seen);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.sentence.contains("Read-only file system"), "{}", finding.sentence);
}

/// Linux 6.12 to 6.14 tell it nowhere else.
#[test]
fn a_root_that_only_the_log_calls_read_only_says_so() {
    let fast = Fast { root_read_only: Some(true), root_given_up: Some("mmcblk0p2".into()), ..Fast::default() };
    let report = Report { probed: Some(Probed { fast: Some(fast), ..Probed::default() }), ..Report::default() };
    let seen = Seen { report: &report, expected: &Expected::default(), moment: None };
    let finding = (checks::named("root-read-only").expect("there").look)(&seen);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.sentence.contains("by the kernel's log on mmcblk0p2"), "{}", finding.sentence);
}

#[test]
fn names_are_words_and_no_two_the_same() {
    let mut names: Vec<_> = ALL.iter().map(|check| check.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}

/// The inventory knows limits for just the checks that have any, under their names.
#[test]
fn limits_are_those_of_the_inventory() {
    let mut of_checks: Vec<_> = ALL.iter().filter_map(|check| check.limit).map(|limit| limit.check).collect();
    let mut of_inventory: Vec<_> = LIMITS.iter().map(|limit| limit.check).collect();
    of_checks.sort_unstable();
    of_inventory.sort_unstable();
    assert_eq!(of_checks, of_inventory);
    for check in ALL {
        assert!(check.limit.is_none_or(|limit| limit.check == check.name), "{}", check.name);
        assert!(check.limit.is_some() || !check.when.is_empty(), "{} says nowhere when it is bad", check.name);
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1.0..200.0f64, Just(f64::NAN), Just(f64::INFINITY), Just(0.0), 1.0e9..3.0e9f64]
}

fn maybe() -> impl Strategy<Value = Option<f64>> {
    proptest::option::of(number())
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", any::<String>(), Just("\u{1b}[2J\n".repeat(100))]
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..3u64, Just(u64::MAX)]
}

fn any_look() -> impl Strategy<Value = Look> {
    let memory = (amount(), amount(), amount(), amount(), amount());
    let memory = memory.prop_map(|(total, available, swap_total, swap_free, swapped_in)| Memory {
        total,
        available,
        swap_total,
        swap_free,
        swapped_in,
    });
    let load = (number(), any::<u32>()).prop_map(|(one, cores)| Load { one, five: one, fifteen: one, cores });
    let place = proptest::sample::select(vec![Place::Root, Place::Boot, Place::Cache, Place::Scratch, Place::Other]);
    let disk = (place, words(), amount(), amount(), amount(), amount(), any::<bool>(), any::<bool>());
    let disk = disk.prop_map(|(place, path, size, free, inodes, inodes_free, read_only, in_memory)| Disk {
        place,
        path,
        size,
        free,
        inodes,
        inodes_free,
        read_only,
        in_memory,
    });
    let all = (maybe(), some(memory), some(load), some(amount()), maybe(), maybe(), maybe());
    (all, proptest::collection::vec(disk, 0..4)).prop_map(|(all, disks)| {
        let (uptime, memory, load, oom_kills, temperature, arm_clock, arm_clock_most) = all;
        Look { boot_id: None, uptime, memory, load, oom_kills, temperature, arm_clock, arm_clock_most, disks }
    })
}

fn any_fast() -> impl Strategy<Value = Fast> {
    let firmware = (some(any::<u32>()), maybe(), maybe(), some(any::<u32>()), some(any::<u32>()));
    let firmware = firmware.prop_map(|(throttled, temperature, arm_clock, arm_freq, gpu_mem)| Firmware {
        throttled,
        temperature,
        arm_clock,
        arm_freq,
        gpu_mem,
    });
    let share = (words(), any::<bool>(), maybe(), maybe(), some(words()), maybe(), any::<bool>());
    let share = share.prop_map(|(path, mounted, answered, hangs, problem, clock_ahead, is_server)| ShareTrial {
        path,
        mounted,
        answered,
        hangs,
        problem,
        clock_ahead,
        is_server,
    });
    let link = (words(), some(any::<u32>()), some(any::<bool>()), any::<bool>(), amount(), amount());
    let link = link.prop_map(|(name, speed, full_duplex, wireless, packets, errors)| Link {
        name,
        speed,
        full_duplex,
        wireless,
        packets,
        errors,
        carrier_changes: None,
    });
    let units = some(proptest::collection::vec(words(), 0..5));
    let rest = (some(any::<bool>()), some(any::<bool>()), some(amount()), some(words()), units);
    (some(firmware), some(share), proptest::collection::vec(link, 0..3), rest).prop_map(
        |(firmware, share, links, (root_read_only, root_wanted_read_only, card_errors, card_error, failed_units))| {
            Fast {
                firmware,
                share,
                links,
                root_read_only,
                root_wanted_read_only,
                card_errors,
                card_error,
                failed_units,
                ..Fast::default()
            }
        },
    )
}

fn any_slow() -> impl Strategy<Value = Slow> {
    let render = (any::<bool>(), number(), some(words()));
    let render = render.prop_map(|(passed, seconds, problem)| RenderTrial { passed, seconds, problem });
    let list = || proptest::option::of(proptest::collection::vec(words(), 0..5));
    (some(words()), some(render), some(words()), any::<bool>(), list(), list()).prop_map(
        |(povray, render, imagemagick, packages_known, pending_reboot, file_system_checks)| Slow {
            povray,
            render,
            imagemagick,
            packages_known,
            pending_reboot,
            file_system_checks,
            ..Slow::default()
        },
    )
}

prop_compose! {
    fn any_report()(
        look in any_look(),
        fast in proptest::option::of(any_fast()),
        slow in proptest::option::of(any_slow()),
        probed in any::<bool>(),
        (td, clock, slots, busy) in (words(), maybe(), proptest::option::of(any::<u32>()), proptest::option::of(any::<u32>())),
        povray in proptest::option::of(words()),
        (certificate_end, write_rate, fast_age, slow_age) in (maybe(), maybe(), maybe(), maybe()),
        unprobed in proptest::option::of(words()),
        (look_problem, write_problem) in (proptest::option::of(words()), proptest::option::of(words())),
        shut_down_in_order in proptest::option::of(any::<bool>()),
    ) -> Report {
        Report {
            td,
            clock,
            slots,
            busy,
            povray: povray.map(|message| PovrayState::Unusable { message }),
            certificate_end,
            look,
            probed: probed.then(|| Probed { fast, slow, ..Probed::default() }),
            unprobed,
            look_problem,
            write_problem,
            shut_down_in_order,
            write_rate,
            fast_age,
            slow_age,
            ..Report::default()
        }
    }
}

proptest! {
    /// Whatever a node says, each check has one line of plain words for it, and a value that fits its verdict.
    #[test]
    fn no_report_makes_a_check_panic(report in any_report(), asked in number(), is_node in any::<bool>()) {
        let expected = Expected { gpu_mem: Some(16), share: is_node.then(|| "/mnt/td".into()), is_node, ..Expected::default() };
        let moment = Some(Moment { asked, answered: asked + 0.1 });
        for (check, finding) in look(&Seen { report: &report, expected: &expected, moment }) {
            let texts = [&finding.sentence, &finding.value];
            for text in texts {
                prop_assert!(!text.chars().any(char::is_control), "{}: {text:?}", check.name);
                prop_assert!(text.len() < 2000);
            }
            prop_assert!(!finding.sentence.is_empty(), "{} says nothing", check.name);
            prop_assert!(finding.measured.is_none_or(f64::is_finite), "{}: {finding:?}", check.name);
            if finding.verdict == Verdict::Unsupported {
                prop_assert_eq!(&finding.value, "");
                prop_assert_eq!(finding.measured, None);
            }
        }
        let _ = fitness(&report, &expected);
    }

    /// A worse number never makes a check better.
    #[test]
    fn verdicts_follow_the_number(temperature in 0.0..120.0f64, more in 0.0..50.0f64) {
        let verdict = |temperature| {
            let mut report = Report::default();
            report.look.temperature = Some(temperature);
            let expected = Expected::default();
            let seen = Seen { report: &report, expected: &expected, moment: None };
            (checks::named("temperature").expect("there").look)(&seen).verdict
        };
        prop_assert!(verdict(temperature) <= verdict(temperature + more));
    }
}
