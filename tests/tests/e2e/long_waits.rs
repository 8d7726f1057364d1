//! What comes before the first strip and takes longer than an agent bears silence: the job stays open, and the wait is no fault.

use std::time::Duration;

use td_tests::events;
use td_tests::picture::Picture;
use td_tests::process;
use td_tests::programs;
use td_tests::sandbox::Sandbox;

use crate::faults::cluster::stand_in;

const LIMIT: Duration = Duration::from_secs(150);
/// Agents stop a job's POV-Rays after 20 seconds without a word of its master.
const LONG: &str = "25";

/// Renders `scene` with a POV-Ray that waits the first time where its arguments are like `pattern`; td's last event.
#[track_caller]
fn done_despite(pattern: &str, scene: &str, more: &[&str]) -> events::Event {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", scene);
    let waits = sandbox.home().join("waits");
    let once = format!("[ -e {0} ] || {{ touch {0}; sleep {LONG}; }}", waits.display());
    let script = format!("case \"$*\" in {pattern}) {once};; esac\nexec \"$povray\" \"$@\"");
    let povray = stand_in(sandbox.path(), &script);
    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71", "-o", "out.png", "--json"]);
    let outcome = process::run(command.args(more).env("TD_POVRAY", povray), LIMIT);
    outcome.code(0).speaks_to_a_person();
    assert!(waits.exists(), "nothing was waited for\n{}", outcome.transcript());
    Picture::read(&sandbox.work().join("out.png")).unwrap();
    sandbox.nothing_left_behind();
    events::last(&outcome).unwrap()
}

#[test]
fn a_long_first_pass() {
    let scene = std::fs::read_to_string(programs::own_scenes().join("radiosity.pov")).unwrap();
    let done = done_despite("*+RFO*", &scene, &["--two-pass"]);
    assert_eq!(done["exact"], false);
}

/// The small view that tells whether strips are exact, where the scene's text leaves it open.
#[test]
#[ignore = "takes half a minute or more: make e2e"]
fn a_long_probe_that_decides_how_the_picture_is_cut() {
    let scene = format!("{}#if (clock > 1) global_settings {{ radiosity {{ }} }} #end\n", crate::scenes::SMALL);
    let done = done_despite("*+W49*+H36*", &scene, &[]);
    assert_eq!(done["exact"], true, "{done:?}");
}
