//! Nodes of 32 and of 64 bit in one cluster: an emulated Raspberry Pi 1 with Debian's POV-Ray for armel beside an agent of
//! this machine. They draw procedural textures differently.

use serde_json::Value;
use td_tests::cluster::Cluster;
use td_tests::events::{self, Event};
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome};
use td_tests::sandbox::Sandbox;
use td_tests::{compare, programs};

use crate::armv6::{self, LIMIT, SIZE};

fn render(sandbox: &Sandbox, out: &str, more: &[&str]) -> Outcome {
    let mut command = sandbox.td(["render", "--json", "-i", "inventory.yaml", "-o", out]);
    command.arg(programs::own_scenes().join("word-size.pov")).args(SIZE).args(more);
    process::run(&mut command, LIMIT)
}

fn done(outcome: &Outcome) -> Event {
    events::last(outcome).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()))
}

#[test]
#[ignore = "minutes of an emulated processor: make e2e"]
fn the_faster_group_the_named_one_and_all_of_them() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::prepare(&sandbox, &["desk", "pi1"]);
    cluster.start_node(0);
    armv6::bring_fingerprint(&cluster.cache(1));
    let emulated = cluster.serve(1, armv6::agent(&sandbox));
    cluster.start_node_as(1, emulated);
    let cache = cluster.cache(1);
    armv6::keep_fingerprint(&cache, cluster.running_mut(1));
    let picture = |name: &str| Picture::read(&sandbox.work().join(name)).unwrap();
    let (wanted_32, wanted_64) = (armv6::stored_32(), armv6::native());

    // By itself: this machine is faster than a Pi 1. Exact, and it is said who does not take part.
    let outcome = render(&sandbox, "faster.png", &[]);
    outcome.code(0).speaks_to_a_person();
    assert_eq!(done(&outcome)["exact"], true);
    compare::same(&wanted_64, &picture("faster.png")).unwrap();
    let told = format!("{}{}", outcome.out(), outcome.err());
    for words in ["rendering by 1 node of 64 bit", "the faster", "1 node of 32 bit", "left out"] {
        assert!(told.contains(words), "lacks {words:?}\n{}", outcome.transcript());
    }

    // The one that is named.
    let outcome = render(&sandbox, "named.png", &["--group", "32"]);
    outcome.code(0).speaks_to_a_person();
    assert_eq!(done(&outcome)["exact"], true);
    compare::same_samples(&wanted_32, &picture("named.png")).unwrap();

    // All of them: each row is one group's or the other's, and nobody is told that it is exact.
    let outcome = render(&sandbox, "mixed.png", &["--mix-groups"]);
    outcome.code(0).speaks_to_a_person();
    let event = done(&outcome);
    assert_eq!((&event["exact"], &event["class"]), (&Value::from(false), &Value::from("seams")), "{event:?}");
    assert!(event["why"].to_string().contains("--mix-groups"), "{event:?}");
    let mixed = picture("mixed.png");
    let row_bytes = mixed.samples.len() / mixed.height as usize;
    let rows = |picture: &Picture| picture.samples.chunks(row_bytes).map(<[u8]>::to_vec).collect::<Vec<_>>();
    for (row, ((ours, of_32), of_64)) in rows(&mixed).iter().zip(rows(&wanted_32)).zip(rows(&wanted_64)).enumerate() {
        assert!(*ours == of_32 || *ours == of_64, "row {} is of neither group", row + 1);
    }

    // What nobody has is refused, with what there is.
    cluster.end_node(1, rustix::process::Signal::TERM);
    let outcome = render(&sandbox, "none.png", &["--group", "32"]);
    outcome.code(2).speaks_to_a_person().says(&["--group 32", "64 bit"]);
    cluster.end();
}
