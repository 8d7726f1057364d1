//! Desired states of whole inventories, as the JSON that goes to the nodes.

use std::net::IpAddr;

use td_protocol::converge::check;

use super::*;

fn inventory(yaml: &str) -> Inventory {
    Inventory::from_bytes("inventory.yaml", yaml.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn addresses(inventory: &Inventory) -> Addresses {
    let mut found = Addresses::default();
    for (index, node) in inventory.nodes().iter().enumerate() {
        let ip = match &node.address {
            td_inventory::Address::Ip(ip) => *ip,
            td_inventory::Address::Host(_) => IpAddr::from([192, 0, 2, 200 + u8::try_from(index).expect("few")]),
        };
        found.nodes.insert(node.name.clone(), ip);
    }
    found.server = Some(IpAddr::from([192, 0, 2, 250]));
    found
}

fn state(yaml: &str, name: &str) -> DesiredState {
    let inventory = inventory(yaml);
    let certificates = Certificates { ca: "CA\n".into(), certificate: "CERT\n".into(), key: "KEY\n".into() };
    let node = inventory.node(name).expect("is there");
    let state = desired(&inventory, node, &addresses(&inventory), &certificates);
    check::check(&state).expect("the agent takes it");
    state
}

fn json(yaml: &str, name: &str) -> String {
    serde_json::to_string_pretty(&state(yaml, name)).expect("is JSON")
}

const PAPER: &str = include_str!("../../../inventory.yaml");

#[test]
fn the_papers_server_and_a_client() {
    insta::assert_snapshot!(json(PAPER, "pi110"));
    insta::assert_snapshot!(json(PAPER, "pi111"));
}

#[test]
fn as_little_as_possible() {
    let state = state("nodes: { a: { address: a.local } }", "a");
    let kinds: Vec<_> = state.in_order().iter().map(|resource| resource.kind().word()).collect();
    assert_eq!(
        kinds.join(" "),
        "hostname hosts account directory directory directory packages file file file clock service"
    );
}

#[test]
fn all_that_can_be_said() {
    let yaml = "
uid: 700
clock: server
share: { server: a.shelf }
defaults: { packages: [htop, povray], apt_proxy: 'http://192.0.2.9:3142', model: pi4, boot: { arm_freq: 1800 } }
nodes:
  a.shelf: { address: 192.0.2.1, slots: 2, agent_port: 7000 }
  b: { address: b.local, model: generic }
";
    insta::assert_snapshot!(json(yaml, "a.shelf"));
    insta::assert_snapshot!(json(yaml, "b"));
}

/// It has a folder for its share, and nobody to export it to.
#[test]
fn a_cluster_of_one_with_a_share() {
    let state = state("share: { server: a }\nnodes: { a: { address: 192.0.2.1 } }", "a");
    let exports: Vec<&NfsExport> = state
        .resources
        .iter()
        .filter_map(|resource| match resource {
            Resource::NfsExport(export) => Some(export),
            _ => None,
        })
        .collect();
    assert_eq!(exports.len(), 1);
    assert!(exports[0].clients.is_empty());
    let text = serde_json::to_string(&state).expect("is JSON");
    assert!(!text.contains("nfs-kernel-server"), "{text}");
}

#[test]
fn a_server_outside() {
    let state = state("share: { server: nas.local }\nnodes: { a: { address: 192.0.2.1 } }", "a");
    assert!(!state.resources.iter().any(|resource| matches!(resource, Resource::NfsExport(_))));
    assert!(state.resources.iter().any(|resource| matches!(
        resource,
        Resource::NfsMount(NfsMount { source: MountSource::Nfs { server, .. }, .. }) if server.to_string() == "192.0.2.250"
    )));
}

/// The key travels, and no `Debug` shows it.
#[test]
fn no_debug_shows_the_key() {
    let state = state(PAPER, "pi110");
    assert!(!format!("{state:?}").contains("KEY"));
    assert!(serde_json::to_string(&state).expect("is JSON").contains("KEY"));
}

mod fits {
    use super::super::*;
    use td_protocol::converge::facts::*;

    fn facts(model: Option<&str>) -> Facts {
        Facts {
            version: VERSION,
            td: "0".into(),
            hostname: "a".into(),
            machine_id: None,
            boot_id: "x".into(),
            model: model.map(str::to_owned),
            serial: None,
            os: Os { id: "debian".into(), version: None, codename: None, name: "Debian".into(), raspberry_pi: false },
            kernel: "6".into(),
            machine: "armv6l".into(),
            userland: Userland { bits: 32, dpkg: Some("armhf".into()) },
            cores: 1,
            memory: 1 << 29,
            boot: BootFolder { path: None, state: BootState::None },
            disks: Vec::new(),
            clock: ClockState { now: 0.0, synchronized: false, by: None },
            uptime: 1.0,
            nfs: Nfs { client: false, server: false, mounts: Vec::new(), exports: Vec::new() },
            systemd: true,
            povray: None,
            imagemagick: None,
            firmware: Firmware { gpu_mem: None, arm_freq: None },
            service: None,
        }
    }

    fn fit_of(model: &str, facts: &Facts) -> Fit {
        let yaml = format!("nodes: {{ a: {{ address: 192.0.2.1, model: {model}, slots: 2 }} }}");
        let inventory = Inventory::from_bytes("i", yaml.as_bytes()).expect("is good");
        fit(&inventory.nodes()[0], facts)
    }

    #[test]
    fn models() {
        let old = facts(Some("Raspberry Pi Model B Rev 2"));
        let good = fit_of("pi1b", &old);
        assert_eq!((good.refused, good.notes), (None, vec!["slots: 2, but it has 1 core".to_owned()]));
        let wrong = fit_of("pi4", &old).refused.expect("another machine");
        assert!(wrong.contains("`model: pi1b`") && wrong.contains("the inventory says pi4"), "{wrong}");
        assert!(fit_of("generic", &old).notes[0].contains("`model: pi1b`"));
        assert_eq!(fit_of("generic", &facts(None)).refused, None);
        assert!(fit_of("pi4", &facts(None)).notes[0].contains("no device tree"));
    }

    #[test]
    fn a_clock_that_nobody_keeps() {
        let names = |state: &DesiredState| {
            let packages = state.resources.iter().find_map(|resource| match resource {
                Resource::Packages(packages) => Some(packages.names.join(" ")),
                _ => None,
            });
            packages.unwrap_or_default()
        };
        let mut state = super::state(super::PAPER, "pi111");
        let before = names(&state);
        let mut seen = facts(None);
        seen.clock.by = Some("chrony".into());
        assert!(!complete(&mut state, &seen));
        seen.clock.by = None;
        assert!(complete(&mut state, &seen));
        assert_eq!(names(&state), format!("{before} systemd-timesyncd"));
        assert!(!complete(&mut state, &seen), "once is enough");
        let yaml = "clock: server\nshare: { server: a }\nnodes: { a: { address: 192.0.2.1 } }";
        assert!(!complete(&mut super::state(yaml, "a"), &seen), "chrony keeps it");
    }

    #[test]
    fn systems() {
        let mut odd = facts(None);
        odd.userland.dpkg = None;
        assert!(fit_of("generic", &odd).refused.expect("no Debian").contains("no Debian"));
        odd.systemd = false;
        assert!(fit_of("generic", &odd).refused.expect("no systemd").contains("systemd"));
    }

    #[test]
    fn one_machine_twice() {
        let (mut a, mut b) = (facts(None), facts(None));
        a.machine_id = Some("m".into());
        b.machine_id = Some("m".into());
        assert_eq!(crate::twins::twins(&[("a", &a), ("b", &b)]).len(), 1, "one boot");
        b.boot_id = "y".into();
        assert!(crate::twins::twins(&[("a", &a), ("b", &b)]).is_empty());
        assert_eq!(crate::twins::copies(&[("a", &a), ("b", &b)]).len(), 1, "a copied card");
        assert_eq!(crate::twins::all(&[("a", &a), ("b", &b)]).len(), 1, "`facts` says so, too");
        a.serial = Some("s".into());
        b.serial = Some("s".into());
        assert_eq!(crate::twins::twins(&[("a", &a), ("b", &b)]).len(), 1, "one serial");
        assert!(crate::twins::copies(&[("a", &a), ("b", &b)]).is_empty());
    }
}
