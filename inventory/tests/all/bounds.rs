//! Files made to hurt: refused with a sentence, in little time and memory.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::{refused, screen};

#[test]
fn a_billion_laughs() {
    let mut yaml = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for n in 1..10 {
        let alias = format!("*a{}", n - 1);
        let list = vec![alias; 10].join(", ");
        yaml.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    assert_snapshot!(screen(yaml));
}

#[test]
fn a_billion_merges() {
    let mut yaml = "a0: &a0 { k: v }\n".to_owned();
    for n in 1..40 {
        let m = n - 1;
        yaml.push_str(&format!("a{n}: &a{n} {{ <<: [*a{m}, *a{m}], x: *a{m}, y: *a{m} }}\n"));
    }
    assert_snapshot!(screen(yaml));
}

#[test]
fn an_alias_in_its_own_value() {
    assert_snapshot!(screen("nodes: &all { a: *all }\n"));
    assert_snapshot!(screen("nodes: &all { <<: *all, a: { address: a.local } }\n"));
}

#[test]
fn too_deep() {
    assert_snapshot!(refused("[".repeat(200)).to_string());
    assert_snapshot!(refused("[".repeat(100_000)).to_string());
    assert_snapshot!(refused("- ".repeat(100_000)).to_string());
    assert_snapshot!(refused("? ".repeat(100_000)).to_string());
}

/// Files as large as allowed, of every shape that comes to mind: none takes long. (Two seconds unoptimised; a fraction of
/// that in a release.)
#[test]
fn large_files_take_no_time() {
    let fill = |unit: &str| unit.repeat(td_inventory::MAX_BYTES / unit.len());
    let many = |row: fn(usize) -> String| (0..20_000).map(row).collect::<String>();
    let files = [
        fill("a"),
        fill("#"),
        fill("\n"),
        fill("- a\n"),
        fill("a: b\n"),
        fill("&a b\n"),
        fill("{a: "),
        fill("'"),
        fill("\""),
        fill("|\n"),
        fill("a\t"),
        fill("\u{1F600}"),
        many(|n| format!("key{n}: 0\n")),
        "nodes:\n".to_owned() + &many(|n| format!("  n{n}: {{ address: 1.2.3.4 }}\n")),
        "nodes:\n".to_owned() + &many(|n| format!("  n{n}: {{ adress: 1.2.3.4 }}\n")),
    ];
    for file in files {
        let start = Instant::now();
        let errors = refused(&file);
        let shown = errors.to_string().len();
        let took = start.elapsed();
        let head: String = file.chars().take(20).collect();
        assert!(took < Duration::from_secs(10), "{head:?} took {took:?} ({shown} bytes)");
    }
}
