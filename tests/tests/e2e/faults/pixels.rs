//! A node that answers wrong pixels: its segments are whole, only not the picture's.

use super::cluster::{Cluster, LIMIT, notes, seen, stand_in};

/// Draws the fingerprint and the probe as they should be, and every strip with one more light.
const WRONG: &str = r#"
case "$*" in
    *fingerprint.pov*) ;;
    *+SR*) echo 'light_source { <0, 9, -9> rgb 0.2 }' >>scene.pov ;;
esac
exec "$povray" "$@"
"#;

/// Three nodes, of which the second draws wrong.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(1);
    let wrong = stand_in(cluster.sandbox.path(), WRONG);
    cluster.add(move |mut command| {
        command.env("TD_POVRAY", &wrong);
        command
    });
    cluster.add(|command| command);
    cluster
}

#[test]
fn verify_puts_the_node_out_and_renders_its_rows_again() {
    let cluster = cluster();
    let outcome = cluster.render(&["--verify=320"]).wait(LIMIT);
    seen("a node that answers wrong pixels, --verify", &outcome);
    cluster.exact(&outcome);
    let said = notes(&outcome);
    let found =
        said.iter().any(|note| note.contains("node2") && note.contains("rows") && note.contains("rendered again"));
    assert!(found, "{said:#?}");
    cluster.ends();
}
