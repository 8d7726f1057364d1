//! The reduced exactness table: every case once, each with another number of slots.

use td_tests::exactness::{reduced, run};

/// The table in parts, so that they run side by side. A part runs to its end and then tells all that failed.
fn part(part: usize) {
    let mut faults = String::new();
    for (case, variant) in reduced().skip(part).step_by(PARTS) {
        if let Err(error) = run::check(case, variant) {
            faults += &format!("\n{} ({}), {variant}: {error}\n", case.title(), case.about);
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

const PARTS: usize = 6;

#[test]
fn table_part_1() {
    part(0);
}

#[test]
fn table_part_2() {
    part(1);
}

#[test]
fn table_part_3() {
    part(2);
}

#[test]
fn table_part_4() {
    part(3);
}

#[test]
fn table_part_5() {
    part(4);
}

#[test]
fn table_part_6() {
    part(5);
}
