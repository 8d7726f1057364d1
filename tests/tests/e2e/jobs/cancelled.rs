//! `td cancel`, of a running job and of one that nobody renders.

use td_tests::process;
use td_tests::sandbox::files_below;

use super::{LIMIT, id_of, killed, newest, resume, start, until_some_rows, with_scene};

#[test]
fn a_running_job_is_cancelled_as_by_ctrl_c() {
    let sandbox = with_scene();
    let mut running = start(&sandbox, &["-o", "out.png"]);
    let job = until_some_rows(&sandbox, &mut running);
    let id = id_of(&job);
    let outcome = process::run(&mut sandbox.td(["cancel", &id[..5]]), LIMIT);
    outcome.code(0).speaks_to_a_person().says(&[&id, "has stopped"]);
    running.wait(LIMIT).code(130);
    sandbox.nothing_left_behind();
    assert_eq!(newest(&sandbox)["state"], "cancelled");
    assert_eq!(files_below(&sandbox.work()).len(), 1, "only the scene");
    resume(&sandbox, &[&id]).code(2).says(&["cancelled"]);
    let other = if id.starts_with('0') { "ff" } else { "00" };
    let unknown = process::run(&mut sandbox.td(["cancel", other]), LIMIT);
    unknown.code(2).speaks_to_a_person().says(&[&format!("no job {other}")]);
}

#[test]
fn an_unfinished_job_is_cancelled_and_its_rows_go() {
    let sandbox = with_scene();
    let job = killed(&sandbox, &["-o", "out.png"]);
    let segments = || {
        let files = files_below(&sandbox.home().join(".local/state/td"));
        files.iter().filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("segments")).count()
    };
    assert_eq!(segments(), 1);
    process::run(&mut sandbox.td(["cancel", &id_of(&job)]), LIMIT).code(0).says(&["finished rows are removed"]);
    assert_eq!(segments(), 0);
    assert_eq!(newest(&sandbox)["state"], "cancelled");
}
