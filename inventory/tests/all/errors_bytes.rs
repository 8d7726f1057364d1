//! Every message about the file as a whole: encoding, tabs, YAML itself.

use insta::assert_snapshot;

use crate::{refused, screen};

fn utf16(text: &str, mark: bool, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some(0xFEFF);
    mark.into_iter().chain(text.encode_utf16()).flat_map(to_bytes).collect()
}

#[test]
fn empty_files() {
    for empty in ["", "\n\n", "# only words\n", "---\n", "   ", "\u{feff}", "~\n", "---\n...\n"] {
        let errors = refused(empty).to_string();
        assert!(errors.contains(": the file is empty: "), "{empty:?}: {errors}");
    }
    assert_snapshot!(screen(""));
}

#[test]
fn not_a_mapping() {
    assert_snapshot!(screen("- pi110\n- pi111\n"));
    assert_snapshot!(screen("pi110\n"));
}

#[test]
fn other_encodings() {
    let text = "nodes: { a: { address: a.local } }\n";
    assert_snapshot!(screen(utf16(text, true, u16::to_le_bytes)));
    assert_snapshot!(screen(utf16(text, true, u16::to_be_bytes)));
    assert_snapshot!(screen(utf16(text, false, u16::to_le_bytes)));
    assert_snapshot!(screen(utf16(text, false, u16::to_be_bytes)));
    let wide = |to: fn(u32) -> [u8; 4], mark: Option<u32>| {
        let units = mark.into_iter().chain(text.chars().map(u32::from));
        units.flat_map(to).collect::<Vec<_>>()
    };
    assert_snapshot!(screen(wide(u32::to_le_bytes, Some(0xFEFF))));
    assert_snapshot!(screen(wide(u32::to_be_bytes, None)));
    assert_snapshot!(screen(b"cluster: paper\n# gr\xFC\xDFe\nnodes: {}\n"));
    assert_snapshot!(screen(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"));
    assert_snapshot!(screen("cluster: a\0b\n"));
}

#[test]
fn tabs() {
    assert_snapshot!(screen("nodes:\n\tpi110: { address: 192.0.2.110 }\n  \tpi111: {}\n"));
    assert_snapshot!(screen("nodes:\n  pi110:\t{ address:\t192.0.2.110 }\t# one\n"));
    let comment = "nodes: # all\tof them\n\t\n  # a\ttab\n  a: { address: a.local }\n";
    crate::good(comment);
}

#[test]
fn not_yaml() {
    assert_snapshot!(screen("nodes:\n  a: { address: a.local\n  b: { address: b.local }\n"));
    assert_snapshot!(screen("nodes:\n    a: { address: a.local }\n  b: { address: b.local }\n"));
    assert_snapshot!(screen("cluster: paper: two\n"));
    assert_snapshot!(screen("cluster: \"paper\nnodes: 1\n"));
    assert_snapshot!(screen("cluster: @paper\n"));
    assert_snapshot!(screen("nodes: *all\n"));
    assert_snapshot!(screen("cluster: %x\n"));
}

#[test]
fn yaml_that_an_inventory_does_not_need() {
    assert_snapshot!(screen("cluster: a\nnodes: { a: { address: a.local } }\n---\ncluster: b\n"));
    assert_snapshot!(screen("cluster: !!str 7\nnodes: !list { a: { address: a.local } }\n"));
    assert_snapshot!(screen("? [a, b]\n: 1\n? {c: d}\n: 2\n: 3\nnodes: { a: { address: a.local } }\n"));
    assert_snapshot!(screen("cluster: &c a\n*c : 1\nnodes: { a: { address: a.local } }\n"));
}

#[test]
fn wrong_merges() {
    assert_snapshot!(screen(
        "\
nodes:
  a: &a { address: a.local }
  b: { <<: pi, address: b.local }
  c: { <<: [*a, 3], address: c.local }
  d: { <<: , address: d.local }
"
    ));
}

#[test]
fn too_large_a_file() {
    let bytes = vec![b'#'; td_inventory::MAX_BYTES + 1];
    assert_snapshot!(screen(bytes));
}
