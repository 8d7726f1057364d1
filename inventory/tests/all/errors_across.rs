//! Every message that needs several keys, and all errors of all kinds at once.

use insta::assert_snapshot;

use crate::{good, refused, screen};

#[test]
fn one_machine_twice() {
    assert_snapshot!(screen(
        "\
nodes:
  pi110: { address: 192.0.2.110 }
  pi111: { address: 192.0.2.110 }
  PI110: { address: 192.0.2.112 }
  a: { address: '2001:db8::1' }
  b: { address: '2001:0db8:0:0::0001' }
  c: { address: '::ffff:192.0.2.110' }
  d: { address: Pi.local }
  e: { address: pi.LOCAL, ssh_port: 2222 }
"
    ));
}

#[test]
fn one_address_with_other_ports_is_two_machines() {
    let inventory = good(
        "\
nodes:
  a: { address: router.example, ssh_port: 2201, agent_port: 7001 }
  b: { address: router.example, ssh_port: 2202, agent_port: 7002 }
",
    );
    assert_eq!(inventory.nodes().len(), 2);
}

#[test]
fn one_port_for_two_servers() {
    assert_snapshot!(screen(
        "\
nodes:
  a: { address: 192.0.2.1, ssh_port: 7979 }
  b: { address: 192.0.2.2, ssh_port: 2222, agent_port: 2222 }
"
    ));
    assert_snapshot!(screen(
        "\
defaults: { ssh_port: 7979 }
nodes: { a: { address: 192.0.2.1 } }
"
    ));
}

#[test]
fn a_clock_from_nobody() {
    let nodes = "nodes: { a: { address: 192.0.2.1 } }\n";
    assert_snapshot!(screen(format!("clock: server\n{nodes}")));
    assert_snapshot!(screen(format!("clock: server\nshare: {{ server: nas.local }}\n{nodes}")));
    assert_snapshot!(screen(format!("clock: rtc\n{nodes}")));
    good(&format!("clock: server\nshare: {{ server: 192.0.2.1 }}\n{nodes}"));
    good(&format!("clock: system\n{nodes}"));
}

#[test]
fn a_way_through_itself() {
    assert_snapshot!(screen(
        "\
defaults: { jump: pi110 }
nodes:
  pi110: { address: 192.0.2.110 }
  pi111: { address: 192.0.2.111, jump: 'gate.example,192.0.2.111' }
"
    ));
    good("defaults: { jump: a }\nnodes: { a: { address: 192.0.2.1, jump: none }, b: { address: 192.0.2.2 } }\n");
    // Behind two gates one private address is two machines.
    good("nodes: { a: { address: 10.0.0.1, jump: x.example }, b: { address: 10.0.0.1, jump: y.example } }\n");
}

#[test]
fn a_group_with_a_nodes_name() {
    assert_snapshot!(screen(
        "\
defaults: { groups: [b] }
nodes:
  a: { address: 192.0.2.1, groups: [shelf, a] }
  b: { address: 192.0.2.2 }
"
    ));
}

#[test]
fn the_shares_server() {
    let nodes = "nodes: { pi110: { address: 192.0.2.110 } }\n";
    let with = |server: &str| format!("share: {{ server: {server} }}\n{nodes}");
    assert_snapshot!(screen(with("pi11")));
    assert_snapshot!(screen(with("nas")));
    assert_snapshot!(screen(with("[pi110]")));
    for taken in ["pi110", "PI110", "192.0.2.110", "nas.local", "192.0.2.9", "2001:db8::9"] {
        good(&with(taken));
    }
}

#[test]
fn folders_in_each_other() {
    let with = |folders: &str| format!("share: {{ server: a, {folders} }}\nnodes: {{ a: {{ address: a.local }} }}\n");
    assert_snapshot!(screen(with("mount: /srv/td")));
    assert_snapshot!(screen(with("mount: /srv/td/here")));
    assert_snapshot!(screen(with("export: /mnt")));
    good(&with("mount: /srv/td2"));
}

#[test]
fn boot_settings_of_the_wrong_machine() {
    assert_snapshot!(screen(
        "\
nodes:
  a: { address: 192.0.2.1, boot: { gpu_mem: 16 } }
  b: { address: 192.0.2.2, model: generic, boot: { arm_freq: 800 } }
  c: { address: 192.0.2.3, model: pi5, boot: { gpu_mem: 16 } }
  d: { address: 192.0.2.4, model: pi4, boot: { arm_freq: 800 } }
  e: { address: 192.0.2.5, model: pi1a, boot: { gpu_mem: 200 } }
"
    ));
}

#[test]
fn boot_defaults_that_nobody_can_use() {
    assert_snapshot!(screen(
        "\
defaults: { boot: { gpu_mem: 16, arm_freq: 800 } }
nodes:
  a: { address: 192.0.2.1 }
  b: { address: 192.0.2.2, model: pi5 }
"
    ));
}

#[test]
fn a_64_bit_povray_on_a_32_bit_machine() {
    assert_snapshot!(screen(
        "\
defaults: { model: pi4, povray_word_size: 64 }
nodes:
  a: { address: 192.0.2.1 }
  b: { address: 192.0.2.2, model: pi1b }
  c: { address: 192.0.2.3, model: pi2, povray_word_size: 64 }
  d: { address: 192.0.2.4, model: pi1b, povray_word_size: 32 }
"
    ));
}

/// Nothing hides behind anything else: each of these lines has one error and each is said.
#[test]
fn all_errors_at_once() {
    let errors = refused(
        "\
cluster: a b
colour: red
defaults: { slots: 0 }
share: { server: nowhere }
nodes:
  pi110: { address: 192.0.2.110, model: pi9 }
  pi111: { address: 192.0.2.110 }
  pi_112: { address: 192.0.2.112 }
  pi113: { address: 192.0.2.113, slots: no }
  pi114: { address: 192.0.2.114, groups: [pi113] }
  pi115: { address: 192.0.2.115, boot: { gpu_mem: 16 } }
  pi115: { address: 192.0.2.116 }
  pi117: { address: 192.0.2.117,\tslots: 1 }
",
    );
    let lines: Vec<_> = errors.findings().iter().map(|f| f.span.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13], "{errors}");
}

/// Eight nodes with one wrong anchor: one error, at the anchor.
#[test]
fn an_error_behind_an_anchor_is_said_once() {
    assert_snapshot!(screen(
        "\
nodes:
  a: { address: 192.0.2.1, groups: &g [shelf, 7] }
  b: { address: 192.0.2.2, groups: *g }
  c: { address: 192.0.2.3, groups: *g }
"
    ));
}

/// A warning that would come after the failure: told at the place that is the last to set one of the two.
#[test]
fn limits_of_health_beyond_each_other() {
    assert_snapshot!(screen(
        "\
defaults: { health: { temperature: { warn: 90 }, disk: { warn: 2, fail: 5 } } }
groups:
  table: { health: { memory: { fail: 30 % } } }
  tabel: { health: { memory: { fail: 3 % } } }
nodes:
  a: { address: 192.0.2.1 }
  b: { address: 192.0.2.2, groups: [table], health: { swap: { fail: 10 } } }
  c: { address: 192.0.2.3, health: { temperature: { fail: 95 }, disk: { warn: none } } }
"
    ));
}
