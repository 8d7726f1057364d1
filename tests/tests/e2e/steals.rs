//! Many slots, strips that shrink, rows from many hands: the picture stays the one.

use std::time::Duration;

use td_tests::exactness::run::force_steals;
use td_tests::picture::Picture;
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, events, process};

use crate::scenes::SLOW;

/// A scene slow enough that strips are under way for seconds, small enough for a test.
#[test]
fn strips_that_shrink_while_they_render() {
    let sandbox = Sandbox::new();
    sandbox.write("slow.pov", SLOW.replace("blur_samples 400", "blur_samples 60"));
    let work = sandbox.work();
    for (method, name) in [("+AM2", "any"), ("+AM1", "bands")] {
        let switches = ["+W161", "+H257", "+A0.9", method].map(str::to_owned);
        let out = work.join(name).with_extension("png");
        let mut command = sandbox.td(["render", "slow.pov", "--json", "--slots", "5"]);
        command.args(&switches).arg("-o").arg(&out);
        force_steals(&mut command);
        let outcome = process::run(&mut command, Duration::from_secs(180));
        let done = events::last(outcome.code(0)).unwrap();
        assert!(done["shrinks"].as_u64().unwrap() > 0, "no strip was shortened: {done:?}");
        sandbox.nothing_left_behind();

        let alone = Sandbox::new();
        alone.write("slow.pov", SLOW.replace("blur_samples 400", "blur_samples 60"));
        let folder = alone.work();
        let wanted = Reference { root: &folder, folder: &folder, scene: "slow.pov", switches: &switches }.picture();
        compare::same(&wanted.unwrap(), &Picture::read(&out).unwrap()).unwrap();
    }
}
