//! `--verify` where POV-Ray fails while it renders rows again: a failure is no testimony.

use std::fs;

use td_tests::process;

use super::cluster::{Cluster, LIMIT, NO_SPARES, ended_with, notes, seen, shown, stand_in, told};

/// Dies at strips as often as the file `deaths` beside it says.
const DIES: &str = r#"
deaths="$(dirname "$0")/deaths"
case "$*" in
    *fingerprint.pov*) ;;
    *+W241*)
        left=$(cat "$deaths")
        if [ "$left" -gt 0 ]; then echo $((left - 1)) >"$deaths"; kill -9 $$; fi ;;
esac
exec "$povray" "$@"
"#;

/// One node that has rendered the picture before: only witnesses are rendered from now on.
fn cluster() -> (Cluster, std::path::PathBuf) {
    let mut cluster = Cluster::empty();
    let deaths = cluster.sandbox.path().join("deaths");
    fs::write(&deaths, "0").unwrap();
    let povray = stand_in(cluster.sandbox.path(), DIES);
    cluster.add_with(&povray, NO_SPARES);
    cluster.exact(&cluster.render(&[]).wait(LIMIT));
    fs::remove_file(cluster.sandbox.work().join("out.png")).unwrap();
    (cluster, deaths)
}

#[test]
fn a_witness_whose_povray_dies_twice_is_asked_again() {
    let (cluster, deaths) = cluster();
    fs::write(&deaths, "2").unwrap();
    let outcome = cluster.render(&["--verify"]).wait(LIMIT);
    seen("POV-Ray dies twice while rows are verified", &outcome);
    cluster.exact(&outcome);
    shown("witness_failed", &outcome, &["node1", "could not render", "again", "signal 9"]);
    let failed = notes(&outcome).iter().filter(|note| note.contains("could not render")).count();
    assert_eq!(failed, 2, "{}", outcome.transcript());
    cluster.ends();
}

#[test]
fn rows_that_could_not_be_verified_are_kept() {
    let (cluster, deaths) = cluster();
    fs::write(&deaths, "1000").unwrap();
    let outcome = cluster.render(&["--verify"]).wait(LIMIT);
    seen("POV-Ray dies always while rows are verified", &outcome);
    outcome.code(1).speaks_to_a_person();
    ended_with("not_verified", &outcome);
    assert!(!cluster.sandbox.work().join("out.png").exists());

    fs::write(&deaths, "0").unwrap();
    let resumed = process::run(&mut cluster.sandbox.td(["resume", "--json"]), LIMIT);
    cluster.exact(&resumed);
    told(&resumed, &["goes on", "320 of 320 rows"]);
    cluster.ends();
}
