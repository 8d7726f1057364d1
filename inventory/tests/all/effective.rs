//! What comes out of a good file: defaults merged, aliases and merge keys resolved.

use insta::assert_snapshot;
use td_inventory::health::{self, Bounds};
use td_inventory::{Address, Become, DEFAULT_AGENT_PORT, DEFAULT_UID, Model, PasswordSource, ServerPlace, Style};

use crate::good;

#[test]
fn the_example_of_the_paper() {
    let inventory = good(include_str!("../../../inventory.yaml"));
    assert_eq!(inventory.cluster(), "paper");
    assert_eq!(inventory.nodes().len(), 8);
    for (n, node) in (110..118).zip(inventory.nodes()) {
        assert_eq!(node.name, format!("pi{n}"));
        assert_eq!(node.address.to_string(), format!("192.0.2.{n}"));
        assert_eq!(node.model, Model::Pi1b);
        assert_eq!(node.user.as_deref(), Some("pi"));
        assert_eq!((node.boot.gpu_mem, node.boot.arm_freq), (Some(16), Some(800)));
        assert_eq!((node.ssh_port, node.agent_port), (None, 7979));
    }
    let share = inventory.share().expect("has a share");
    assert_eq!(share.server, ServerPlace::Node("pi110".to_owned()));
    assert!(inventory.notes().is_empty());
}

/// The example of DESIGN.md, which scripts rely on.
#[test]
fn the_example_of_the_design() {
    let inventory = good(
        "\
# inventory.yaml
cluster: paper
defaults:
  user: pi
  model: pi1b            # pi0 pi1b pi2 pi3 pi4 pi5 zero2 generic ...; generic has no boot settings
  boot: { gpu_mem: 16, arm_freq: 800 }
share: { server: pi110, export: /srv/td, mount: /mnt/td }
nodes:
  pi110: { address: 192.0.2.110 }
  pi111: { address: 192.0.2.111, slots: 1, groups: [table] }
",
    );
    assert_eq!(inventory.group("table").count(), 1);
    assert_eq!(inventory.node("PI111").and_then(|node| node.slots), Some(1));
}

#[test]
fn as_little_as_possible() {
    let inventory = good("nodes: { a: { address: a.local } }");
    let node = &inventory.nodes()[0];
    assert_eq!(node.address, Address::Host("a.local".to_owned()));
    assert_eq!(node.model, Model::Generic);
    assert_eq!((node.user.as_deref(), node.slots), (None, None));
    assert_eq!((node.ssh_port, node.agent_port), (None, DEFAULT_AGENT_PORT));
    assert_eq!((&node.jump, &node.identity_file, &node.password, &node.apt_proxy), (&None, &None, &None, &None));
    assert_eq!((node.becomes, node.packages.len()), (Become::Sudo, 0));
    assert_eq!(inventory.uid(), DEFAULT_UID);
    assert!(node.groups.is_empty());
    assert!(inventory.share().is_none());
    assert_eq!(inventory.cluster(), "cluster");
}

/// Every key, own values against defaults. (That the checks and the types know the same keys shows here, too.)
const EVERYTHING: &str = "\
cluster: shelf-2
uid: 700
clock: system
defaults:
  user: td
  packages: [htop]
  apt_proxy: http://192.0.2.9:3142
  jump: pi@gate.example:2022,192.0.2.8
  identity_file: ~/.ssh/id_shelf
  password: { env: TD_PASSWORD }
  become: sudo
  model: pi1b
  slots: 1
  groups: [shelf]
  boot: { gpu_mem: 16, arm_freq: 800 }
  povray_word_size: 32
  ssh_port: 2222
  agent_port: 7000
  health: { temperature: { warn: 70 C, fail: 80 }, swap: { fail: none } }
groups:
  table: { health: { temperature: { fail: 90 C }, disk: { warn: 20% } } }
  fast: { health: { temperature: { fail: 95 }, load: { warn: 3 } } }
share: { server: 192.0.2.9, export: /data/td, mount: /td }
nodes:
  plain: { address: 192.0.2.1 }
  own:
    address: 2001:DB8::1
    user: root
    model: pi4
    slots: 4
    groups: [table, fast]
    boot: { arm_freq: 1800 }
    ssh_port: 22
    agent_port: 7979
    packages: []
    apt_proxy: none
    jump: none
    identity_file: /root/key
    password: { command: 'pass show pi' }
    become: none
    health: { temperature: { warn: 72.5 }, oom-kills: { warn: none, fail: 3 } }
  none: { address: Nas.Local, model: generic, groups: [] }
  five: { address: 192.0.2.5, model: pi5, boot: {} }
";

#[test]
fn defaults_are_merged() {
    let inventory = good(EVERYTHING);
    assert_snapshot!(inventory.to_yaml().expect("writes"));
    let style = Style { color: false, excerpt: true };
    assert_snapshot!(inventory.notes().render(style));
}

/// The node's own limit, else that of the first of its groups that has one, else that of `defaults`, else td's.
#[test]
fn limits_of_health() {
    let inventory = good(EVERYTHING);
    let [plain, own, ..] = inventory.nodes() else { panic!("has four nodes") };
    let limits = |node: &td_inventory::Node, limit| {
        let Bounds { warn, fail } = node.health.of(limit);
        (warn, fail)
    };
    assert_eq!(limits(plain, &health::TEMPERATURE), (Some(70.0), Some(80.0)));
    assert_eq!(limits(own, &health::TEMPERATURE), (Some(72.5), Some(90.0)));
    assert_eq!(limits(plain, &health::SWAP), (health::SWAP.warn, None));
    assert_eq!(limits(own, &health::DISK), (Some(20.0), health::DISK.fail));
    assert_eq!(limits(own, &health::LOAD), (Some(3.0), health::LOAD.fail));
    assert_eq!(limits(own, &health::OOM_KILLS), (None, Some(3.0)));
    assert_eq!(limits(plain, &health::CLOCK), (health::CLOCK.warn, health::CLOCK.fail));
}

#[test]
fn how_a_node_is_reached() {
    let inventory = good(EVERYTHING);
    let [plain, own, ..] = inventory.nodes() else { panic!("has four nodes") };
    let jump = plain.jump.clone().expect("a default");
    assert_eq!(jump.to_string(), "pi@gate.example:2022,192.0.2.8");
    assert_eq!((jump.0[0].user.as_deref(), jump.0[0].port), (Some("pi"), Some(2022)));
    assert_eq!(plain.password, Some(PasswordSource::Env("TD_PASSWORD".to_owned())));
    assert_eq!(plain.apt_proxy, Some("http://192.0.2.9:3142".to_owned()));
    assert_eq!(plain.packages, ["htop"]);
    assert_eq!(own.jump.as_ref().map(|jump| jump.0.len()), Some(0), "`none` is said, not left open");
    assert_eq!(own.password, Some(PasswordSource::Command("pass show pi".to_owned())), "replaced, not merged");
    assert_eq!((own.becomes, &own.apt_proxy), (Become::None, &None));
    assert!(own.packages.is_empty(), "a list is replaced, not merged");
    assert_eq!(inventory.uid(), 700);
}

#[test]
fn written_out_it_reads_the_same() {
    for yaml in [EVERYTHING, include_str!("../../../inventory.yaml")] {
        let inventory = good(yaml);
        let again = good(&inventory.to_yaml().expect("writes"));
        assert_eq!(again.nodes(), inventory.nodes());
        assert_eq!(again.share(), inventory.share());
        assert_eq!(again.cluster(), inventory.cluster());
        assert_eq!((again.uid(), again.clock()), (inventory.uid(), inventory.clock()));
        assert!(again.notes().is_empty(), "everything is a node's own value now");
    }
}

#[test]
fn anchors_aliases_and_merge_keys() {
    let inventory = good(
        "\
nodes:
  a: &old { address: 192.0.2.1, model: pi1b, boot: &slow { gpu_mem: 16 }, groups: &g [shelf] }
  b: &new { address: 192.0.2.2, model: pi4, slots: 4 }
  # own keys win, also when they stand before the merge
  c: { slots: 2, <<: *new, address: 192.0.2.3 }
  # of several the earlier one wins
  d: { <<: [*new, *old], address: 192.0.2.4 }
  # an alias as a value, and a merge of a merge
  e: &e { address: 192.0.2.5, groups: *g, model: pi2, boot: { <<: *slow, arm_freq: 1000 } }
  f:
    <<: *e
    address: 192.0.2.6
",
    );
    let node = |name: &str| inventory.node(name).expect("is there").clone();
    assert_eq!((node("c").slots, node("c").model), (Some(2), Model::Pi4));
    assert_eq!((node("d").model, node("d").slots), (Model::Pi4, Some(4)));
    assert_eq!(node("d").boot.gpu_mem, Some(16), "the later merge fills what the earlier lacks");
    assert_eq!(node("e").groups, ["shelf"]);
    assert_eq!((node("f").boot.gpu_mem, node("f").boot.arm_freq), (Some(16), Some(1000)));
    assert_eq!(node("f").address.to_string(), "192.0.2.6");
}

#[test]
fn line_ends_and_marks_of_other_systems() {
    let text = include_str!("../../../inventory.yaml");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(good(&windows).nodes(), good(text).nodes());
    // Places stay right: line 4, behind a mark and carriage returns.
    let yaml = "\u{feff}cluster: a\r\n\r\nnodes:\r\n  a: { address: a.local, slots: 0 }\r\n";
    let errors = crate::refused(yaml);
    assert!(errors.to_string().starts_with("inventory.yaml:4:33: "), "{errors}");
}

/// JSON is YAML: what scripts write is read.
#[test]
fn json_is_read() {
    let inventory = good(r#"{"nodes": {"a": {"address": "192.0.2.1", "slots": 2, "groups": ["x"]}}}"#);
    assert_eq!(inventory.nodes()[0].slots, Some(2));
}
