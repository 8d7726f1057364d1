//! Things that are said twice have to agree: reader and JSON Schema, our YAML and serde_yaml's, table and documentation.

use proptest::prelude::*;
use serde_json::Value;
use td_inventory::{Inventory, schema, table, yaml};

/// A file as a JSON value, as an editor's language server sees it.
fn as_json(text: &str) -> Value {
    let (root, _) = yaml::compose(text);
    serde_json::to_value(root.expect("is YAML").to_serde()).expect("is JSON")
}

fn validator() -> jsonschema::Validator {
    let schema = schema::json_schema();
    jsonschema::draft202012::meta::validate(&schema).expect("is a schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).expect("is a schema")
}

#[test]
fn the_schema_takes_the_example() {
    let json = as_json(include_str!("../../../inventory.yaml"));
    assert!(validator().is_valid(&json));
}

#[test]
fn the_schema_is_kept() {
    insta::assert_snapshot!(format!("{:#}", schema::json_schema()));
}

/// One change of a good file each, where a single key decides: reader and schema say the same.
#[test]
fn reader_and_schema_agree_on_single_keys() {
    let validator = validator();
    let node = |keys: &str| format!("nodes: {{ a: {{ address: 192.0.2.1, {keys} }} }}");
    let address = |address: &str| format!("nodes: {{ a: {{ address: {address} }} }}");
    let share = |keys: &str| format!("share: {{ server: a, {keys} }}\nnodes: {{ a: {{ address: a.b }} }}");
    let name = |name: &str| format!("nodes: {{ {name}: {{ address: 192.0.2.1 }} }}");
    let mut cases: Vec<String> = vec!["{}".into(), "nodes: {}".into(), "cluster: x".into(), "[]".into()];
    for keys in [
        "slots: 0",
        "slots: 1",
        "slots: 64",
        "slots: 65",
        "slots: -1",
        "slots: 1.5",
        "slots: '1'",
        "slots: ~",
        "ssh_port: 0",
        "ssh_port: 1",
        "ssh_port: 65535",
        "ssh_port: 65536",
        "povray_word_size: 32",
        "povray_word_size: 64",
        "povray_word_size: 33",
        "povray_word_size: '32'",
        "agent_port: 1023",
        "agent_port: 1024",
        "user: pi",
        "user: -pi",
        "user: 'a b'",
        "user: 7",
        "user: ''",
        "groups: []",
        "groups: [x, y]",
        "groups: [x, x]",
        "groups: [1]",
        "groups: b",
        "groups: ['-']",
        "model: pi1b",
        "model: 'pi3b+'",
        "model: pi9",
        "model: 4",
        "colour: red",
        "model: pi1b, boot: { gpu_mem: 15 }",
        "model: pi1b, boot: { gpu_mem: 16 }",
        "model: pi2, boot: { gpu_mem: 512 }",
        "model: pi1b, boot: { gpu_mem: 513 }",
        "model: pi1b, boot: { arm_freq: 699 }",
        "model: pi1b, boot: { x: 1 }",
        "model: pi1b, boot: { arm_freq: 700 }",
        "model: pi5, boot: { arm_freq: 3200 }",
        "model: pi5, boot: { arm_freq: 3201 }",
        "model: pi1b, boot: {}",
        "boot: 1",
        "become: sudo",
        "become: none",
        "become: su",
        "become: ~",
        "packages: [vim, 'g++']",
        "packages: [Vim]",
        "packages: [x]",
        "packages: vim",
        "apt_proxy: none",
        "apt_proxy: 'http://192.0.2.1:3142'",
        "apt_proxy: 'http://[2001:db8::1]:3142/'",
        "apt_proxy: 'http://a@b:1'",
        "apt_proxy: proxy",
        "jump: none",
        "jump: gate",
        "jump: 'pi@gate:22,b'",
        "jump: 'a b'",
        "jump: ''",
        "identity_file: ~/.ssh/id",
        "identity_file: /id",
        "identity_file: id",
        "identity_file: /",
        "password: { env: A }",
        "password: { command: b c }",
        "password: { env: A, command: b }",
        "password: {}",
        "password: { env: 1A }",
        "password: { command: '' }",
        "password: { file: x }",
        "password: x",
        "health: {}",
        "health: { temperature: {} }",
        "health: { temperature: { warn: 60 } }",
        "health: { temperature: { warn: 60 C } }",
        "health: { temperature: { warn: 60.5C } }",
        "health: { temperature: { warn: 60 F } }",
        "health: { temperature: { warn: 121 } }",
        "health: { temperature: { warn: none, fail: none } }",
        "health: { temperature: { warn: never } }",
        "health: { temperature: { warn: ~ } }",
        "health: { temperature: { limit: 60 } }",
        "health: { temperature: 60 }",
        "health: { heat: { warn: 60 } }",
        "health: { oom-kills: { warn: 1.5 } }",
        "health: { oom-kills: { warn: 2 } }",
        "health: { card-speed: { warn: 5 MB/s } }",
        "health: { certificate: { warn: 60 days } }",
        "health: [temperature]",
    ] {
        cases.push(node(keys));
    }
    for text in [
        "a.b",
        "a-b",
        "-a",
        "a_b",
        "'a b'",
        "''",
        "10",
        "a.1",
        "1a",
        "192.0.2.1",
        "'::1'",
        "2001:db8::1",
        "fe80::1%eth0",
        "'192.0.2.1:22'",
        "'::ffff:192.0.2.1'",
        "[a]",
        "7",
    ] {
        cases.push(address(text));
    }
    for text in ["a", "A-1", "a.b", "-a", "a-", "a_b", "1", "a.1", "1a", "'a b'", "a..b"] {
        cases.push(name(text));
    }
    for keys in [
        "export: /srv",
        "export: /srv/x.y_z+@-",
        "export: srv",
        "export: /",
        "export: /srv/",
        "export: '/s v'",
        "mount: 7",
        "mount: /x//y",
        "colour: red",
    ] {
        cases.push(share(keys));
    }
    for case in cases {
        let reader = Inventory::from_bytes("f", case.as_bytes());
        let schema = validator.is_valid(&as_json(&case));
        assert_eq!(reader.is_ok(), schema, "{case}: {reader:?}");
    }
}

proptest! {
    /// What the reader takes, the schema takes: no editor underlines a good file.
    #[test]
    fn the_schema_refuses_nothing_good(
        name in "[a-z0-9.-]{1,12}",
        address in prop_oneof!["[a-z0-9.-]{1,12}", "[0-9a-f:.]{2,15}", "[0-9]{1,3}(\\.[0-9]{1,3}){3}"],
        user in "[a-zA-Z0-9_.-]{1,10}",
        folder in "(/[a-z0-9._@+-]{1,4}){1,3}",
    ) {
        let value = serde_json::json!({
            "share": { "server": name.as_str(), "mount": folder },
            "nodes": { name: { "address": address, "user": user } },
        });
        if Inventory::from_bytes("f", value.to_string().as_bytes()).is_ok() {
            prop_assert!(validator().is_valid(&value), "{value}");
        }
    }

    /// Whatever serde_yaml writes, our tree reads as serde_yaml itself does.
    #[test]
    fn the_tree_is_what_serde_yaml_reads(value in any_value()) {
        let text = serde_yaml::to_string(&value).expect("writes");
        let (root, findings) = yaml::compose(&text);
        prop_assert!(findings.is_empty(), "{findings:?}\n{text}");
        let ours = root.expect("is YAML").to_serde();
        let theirs: serde_yaml::Value = serde_yaml::from_str(&text).expect("reads");
        prop_assert_eq!(ours, theirs, "{}", text);
    }
}

/// Values with texts that look like other things.
fn any_value() -> impl Strategy<Value = serde_yaml::Value> {
    use serde_yaml::Value as Yaml;
    let text = prop_oneof![
        "[ -~]{0,12}",
        "[0-9+.eExXob~-]{1,6}",
        proptest::sample::select(vec![
            "yes", "no", "null", "~", "true", "0x1F", "007", ".inf", "1e3", "<<", "a: b", "# x"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Yaml::Null),
        any::<bool>().prop_map(Yaml::from),
        any::<i64>().prop_map(Yaml::from),
        any::<u64>().prop_map(Yaml::from),
        (-1e9..1e9f64).prop_map(Yaml::from),
        text.clone().prop_map(Yaml::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        // A quoted "<<" is a plain key for us and for the parser of serde_yaml; as keys only words are worth testing.
        let key = "[a-z][a-z0-9 ]{0,5}";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Yaml::Sequence),
            proptest::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| Yaml::Mapping(map.into_iter().map(|(key, value)| (Yaml::from(key), value)).collect())),
        ]
    })
}

/// Scalars as people type them, and merge keys.
#[test]
fn scalars_and_merges_are_those_of_serde_yaml() {
    for scalar in [
        "1",
        "+1",
        "-1",
        "0x1f",
        "0o17",
        "0b11",
        "007",
        "1_000",
        "1.0",
        "1.",
        ".5",
        "1e3",
        "-.inf",
        ".nan",
        "~",
        "null",
        "NULL",
        "nUll",
        "yes",
        "no",
        "on",
        "True",
        "tRUE",
        "2001:db8::1",
        "192.0.2.1",
        "1.2",
        "'1'",
        "\"1\"",
        "''",
        "- 1",
        "18446744073709551615",
        "1:30",
        "2024-01-01",
        "0x",
        "+",
        "-",
        ".",
        "e3",
        "0.0",
        "-0",
    ] {
        let text = format!("a: {scalar}\n");
        let ours = yaml::compose(&text).0.map(|root| format!("{:?}", root.to_serde()));
        let theirs = serde_yaml::from_str::<serde_yaml::Value>(&text).ok();
        assert_eq!(ours, theirs.map(|value| format!("{value:?}")), "{scalar}");
    }
    let text = "\
a: &a { k: 1, l: 2 }
b: &b { l: 3, m: 4 }
c: { <<: *a, l: 9 }
d: { k: 8, <<: [*a, *b] }
e: { <<: { z: 1 }, f: [*a, *b] }
";
    let mut theirs: serde_yaml::Value = serde_yaml::from_str(text).expect("reads");
    theirs.apply_merge().expect("merges");
    let (root, findings) = yaml::compose(text);
    assert!(findings.is_empty());
    let sorted = |value| serde_json::to_value::<serde_yaml::Value>(value).expect("is JSON");
    assert_eq!(sorted(root.expect("is YAML").to_serde()), sorted(theirs));
}

/// docs/inventory.md holds both tables as they come out of the code.
#[test]
fn the_documentation_has_the_tables() {
    let docs = include_str!("../../../docs/inventory.md");
    for table in [table::keys(), table::models()] {
        assert!(docs.contains(&table), "docs/inventory.md should hold:\n\n{table}");
    }
}

/// Every YAML example in the documentation is a good inventory.
#[test]
fn the_documentations_examples_are_good() {
    let docs = include_str!("../../../docs/inventory.md");
    let examples: Vec<_> = docs.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3);
    for example in examples {
        crate::good(example);
    }
}
