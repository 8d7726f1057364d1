//! Every message about a single key, as a person sees it.

use insta::assert_snapshot;

use crate::{refused, screen};

#[test]
fn the_form_that_scripts_read() {
    let yaml = "nodes:\n  pi113:\n    address: 192.0.2.113\n    slots: 0\n";
    assert_eq!(refused(yaml).to_string(), "inventory.yaml:4:12: nodes.pi113.slots: must be 1 to 64, is 0");
}

#[test]
fn unknown_and_missing_keys() {
    assert_snapshot!(screen(
        "\
clusters: paper
defaults: { modle: pi1b, address: 192.0.2.1 }
share: { exprot: /srv/td }
nodes:
  pi110: { adress: 192.0.2.110, boot: { gpu-mem: 16, turbo: 1 } }
  pi111: { address: 192.0.2.111, colour: red, a.b: 1, 'c d': 2 }
"
    ));
    assert_snapshot!(screen("cluster: paper\n"));
}

#[test]
fn keys_twice() {
    assert_snapshot!(screen(
        "\
cluster: paper
cluster: other
nodes:
  pi110: { address: 192.0.2.110, slots: 1, slots: 2 }
  pi111: { address: 192.0.2.111 }
  pi110: { address: 192.0.2.112 }
  pi112: { <<: {slots: 1}, <<: {slots: 2}, address: 192.0.2.113 }
"
    ));
}

#[test]
fn wrong_types() {
    assert_snapshot!(screen(
        "\
cluster: 7
defaults: [pi]
share: pi110
nodes:
  pi110: 192.0.2.110
  pi111:
  pi112: { address: 10.1, slots: two, groups: table, user: true }
  pi113: { address: [192, 0], slots: 1.5, groups: [1, [a], table, table], model: 4 }
  pi114: { address: { ip: 1 }, slots: '2', boot: 16, user: ~, model: }
  pi115: { address: 192.0.2.115, slots: [1], boot: { gpu_mem: 16MB, arm_freq: 800.0 } }
  pi116: { address: 192.0.2.116, slots: 007, ssh_port: yes }
"
    ));
}

#[test]
fn nodes_that_are_none() {
    assert_snapshot!(screen("nodes:\n"));
    assert_snapshot!(screen("nodes: {}\n"));
    assert_snapshot!(screen("nodes: [pi110, pi111]\n"));
    assert_snapshot!(screen("nodes: pi110\n"));
}

#[test]
fn values_out_of_range() {
    assert_snapshot!(screen(
        "\
defaults: { slots: 65, ssh_port: 0 }
nodes:
  a1: { address: 192.0.2.1, slots: -1 }
  a2: { address: 192.0.2.2, slots: 0x41 }
  a3: { address: 192.0.2.3, slots: 99999999999999999999 }
  a4: { address: 192.0.2.4, agent_port: 80, ssh_port: 65536 }
  a5: { address: 192.0.2.5, model: pi1b, boot: { gpu_mem: 15, arm_freq: 5000 } }
  a6: { address: 192.0.2.6, povray_word_size: 16 }
  a7: { address: 192.0.2.7, povray_word_size: '32' }
"
    ));
}

#[test]
fn host_names() {
    let long = "a".repeat(65);
    let label = "b".repeat(64);
    assert_snapshot!(screen(format!(
        "\
nodes:
  pi_110: {{ address: 192.0.2.1 }}
  -pi: {{ address: 192.0.2.2 }}
  pi-: {{ address: 192.0.2.3 }}
  pi..local: {{ address: 192.0.2.4 }}
  110: {{ address: 192.0.2.5 }}
  192.0.2.6: {{ address: 192.0.2.6 }}
  \"pi 7\": {{ address: 192.0.2.7 }}
  \"\": {{ address: 192.0.2.8 }}
  pié: {{ address: 192.0.2.9 }}
  {long}: {{ address: 192.0.2.10 }}
  {label}: {{ address: 192.0.2.11 }}
  \"\\e[31mred\": {{ address: 192.0.2.12 }}
"
    )));
}

#[test]
fn addresses() {
    assert_snapshot!(screen(
        "\
nodes:
  a1: { address: 192.0.2.300 }
  a2: { address: 192.0.2.010 }
  a3: { address: 192.0.2 }
  a4: { address: '192.0.2.4:22' }
  a5: { address: '[2001:db8::5]:22' }
  a6: { address: fe80::6%eth0 }
  a7: { address: 0.0.0.0 }
  a8: { address: 255.255.255.255 }
  a9: { address: 224.0.0.1 }
  b1: { address: pi_1.local }
  b2: { address: 'http://pi2' }
  b3: { address: '' }
  b4: { address: 'pi 4' }
  b5: { address: pi5.1 }
  b6: { address: 'pi6:22' }
  b7: { address: '2001:db8::g' }
"
    ));
}

#[test]
fn words_and_folders() {
    assert_snapshot!(screen(
        "\
cluster: my cluster
defaults: { user: -pi, groups: [all right, _x] }
share: { server: pi110, export: srv/td, mount: /mnt/td/ }
nodes:
  pi110: { address: 192.0.2.110, user: 'root;reboot' }
"
    ));
    for (key, folder) in [
        ("export", "/"),
        ("export", "/srv//td"),
        ("export", "/srv/../etc"),
        ("mount", "/mnt/my td"),
        ("mount", "/mnt/t\u{e4}d"),
    ] {
        let yaml = format!("share: {{ server: a, {key}: \"{folder}\" }}\nnodes: {{ a: {{ address: a.local }} }}\n");
        assert_snapshot!(refused(yaml).to_string());
    }
    let long = format!("/{}", "x".repeat(255));
    let yaml = format!("share: {{ server: a, mount: {long} }}\nnodes: {{ a: {{ address: a.local }} }}\n");
    assert_snapshot!(refused(yaml).to_string());
}

#[test]
fn the_way_to_a_node() {
    assert_snapshot!(screen(
        "\
uid: 99
defaults: { jump: '', identity_file: id_rsa, become: su, packages: vim, apt_proxy: 192.0.2.1:3142 }
nodes:
  a1: { address: 192.0.2.1, jump: 'ssh://gate.example' }
  a2: { address: 192.0.2.2, jump: 'gate.example:0' }
  a3: { address: 192.0.2.3, jump: '-oProxyCommand=x@gate.example' }
  a4: { address: 192.0.2.4, jump: 'gate.example,,b' }
  a5: { address: 192.0.2.5, jump: '[2001:db8::1', become: yes }
  a6: { address: 192.0.2.6, identity_file: ~/, packages: [Vim, 'a b', g, --force] }
  a7: { address: 192.0.2.7, apt_proxy: 'http://me:secret@192.0.2.1:3142' }
  a8: { address: 192.0.2.8, apt_proxy: 'http://192.0.2.1' }
  a9: { address: 192.0.2.9, apt_proxy: 'ftp://192.0.2.1:21', become: 1 }
  b1: { address: 192.0.2.10, apt_proxy: 'http://a b:1', jump: 'gate.example:65536' }
"
    ));
}

/// What stands in the place of a password is not shown again, whatever it is.
#[test]
fn passwords_do_not_stand_here() {
    let errors = screen(
        "\
defaults: { password: hunter2hunter2 }
nodes:
  a: { address: 192.0.2.1, password: [hunter2hunter2] }
  b: { address: 192.0.2.2, password: 271828182 }
  c: { address: 192.0.2.3, password: { env: A, command: b } }
  d: { address: 192.0.2.4, password: {} }
  e: { address: 192.0.2.5, password: { env: $TD, file: /x } }
  f: { address: 192.0.2.6, password: { command: ' ' } }
",
    );
    assert!(!errors.contains("hunter2") && !errors.contains("271828"), "{errors}");
    assert_snapshot!(errors);
}

#[test]
fn models_that_nobody_makes() {
    assert_snapshot!(screen(
        "\
defaults: { model: Pi1B }
nodes:
  a: { address: 192.0.2.1, model: pi7 }
  b: { address: 192.0.2.2, model: zero-2 }
  c: { address: 192.0.2.3, model: generics }
  d: { address: 192.0.2.4, model: Commodore }
"
    ));
}

#[test]
fn colours_are_asked_for() {
    let errors = refused("nodes: { a: { address: 192.0.2.1, slots: 0 } }\n");
    let style = td_inventory::Style { color: true, excerpt: true };
    assert_snapshot!(errors.render(style).replace('\x1b', "<ESC>"));
    assert!(!errors.to_string().contains('\x1b'));
}

/// A line of a megabyte must not become a megabyte of screen, and the carets stay under the culprit.
#[test]
fn long_lines_are_cut() {
    let filler: String = (0..400).map(|n| format!("g{n}, ")).collect();
    let yaml = format!("nodes: {{ a: {{ address: 192.0.2.1, groups: [{filler}g5, z] }} }}\n");
    assert_snapshot!(screen(yaml));
}

#[test]
fn limits_of_health() {
    assert_snapshot!(screen(
        "\
defaults: { health: { temprature: { warn: 70 }, colour: { warn: 1 }, disk: 10 } }
groups:
  shelf: { health: { disk: { warn: 10 GB }, oom-kills: { warn: 3 C }, certificate: { warn: 9 d } }, slots: 1 }
nodes:
  a1: { address: 192.0.2.1, groups: [shelf], health: { temperature: { warm: 70, wrn: 70, fail: hot } } }
  a2: { address: 192.0.2.2, health: { temperature: { warn: 121, fail: -1 }, swap: { warn: 101 % } } }
  a3: { address: 192.0.2.3, health: { oom-kills: { warn: 1.5 }, memory: { warn: , fail: [1] }, load: {} } }
  a4: { address: 192.0.2.4, health: [disk] }
  a5: { address: 192.0.2.5, health: { clock: { warn: .nan, fail: .inf }, disk: { warn: '-1 %', fail: '1e1 %' } } }
"
    ));
    assert_snapshot!(screen("groups: [shelf]\nnodes: { a: { address: a.b, groups: [shelf] } }\n"));
    assert_snapshot!(screen("groups: {}\nnodes: { a: { address: a.b } }\n"));
}
