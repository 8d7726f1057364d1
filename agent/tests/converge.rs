//! Converging a tree of files: what needs no system around it, from a plan to the removal.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use td_agent::converge::node::Node;
use td_agent::converge::report::Report;
use td_agent::converge::run::{self, Ended};
use td_agent::converge::stop::Stop;
use td_protocol::converge::desired::DesiredState;
use td_protocol::converge::event::{Event, Mode, Outcome, Plan, ResourceDone};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::Resource;
use td_protocol::hash::ContentHash;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIsecretsecret\\n";

/// Keeps what is written to it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A node made of files. Its user `me` is whoever runs the test, so that no right of root's is needed.
struct Tree {
    dir: tempfile::TempDir,
    /// Everything that all calls have printed.
    printed: String,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap(), printed: String::new() };
        let meta = fs::metadata(tree.dir.path()).unwrap();
        tree.put(
            "etc/passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\nme:x:{}:{}::/:/bin/sh\n", meta.uid(), meta.gid()),
        );
        tree.put("etc/group", &format!("root:x:0:\nme:x:{}:\n", meta.gid()));
        tree.put("etc/hostname", "raspberrypi\n");
        tree.put("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 raspberrypi\n");
        tree.put("etc/fstab", "PARTUUID=1-02 / ext4 defaults,noatime 0 1\n");
        tree.put("boot/firmware/config.txt", "dtparam=audio=on\n[cm4]\notg_mode=1\n[all]\n");
        tree.put("etc/chrony/chrony.conf", "confdir /etc/chrony/conf.d\n");
        tree.put("lib/systemd/system/chrony.service", "[Unit]\n");
        tree.put("etc/systemd/system/multi-user.target.wants/chrony.service", "[Unit]\n");
        tree.put(
            "var/lib/dpkg/status",
            "Package: povray\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
        );
        tree.put("etc/motd", "welcome\n");
        tree
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap()
    }

    /// Every file and folder with its mode and content.
    fn content(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        fn walk(root: &Path, folder: &Path, out: &mut BTreeMap<String, (u32, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let mode = entry.metadata().unwrap().mode();
                let content = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
                out.insert(name, (mode, content));
                if path.is_dir() {
                    walk(root, &path, out);
                }
            }
        }
        let mut out = BTreeMap::new();
        walk(self.dir.path(), self.dir.path(), &mut out);
        out
    }

    fn call(&mut self, mode: Mode, state: DesiredState) -> (Ended, Vec<Event>) {
        let shared = Shared::default();
        let report = Report::new(Box::new(shared.clone()), Stop::default());
        let ended = run::run(&Node::at(self.dir.path(), state, report, Stop::default()), mode);
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        self.printed.push_str(&text);
        (ended, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

fn state() -> DesiredState {
    let json = format!(
        r#"{{"version":1,"node":"pi111","model":"pi1b","resources":[
        {{"kind":"hostname","name":"pi111"}},
        {{"kind":"hosts","entries":[{{"address":"192.0.2.110","names":["pi110"]}},{{"address":"192.0.2.111","names":["pi111"]}}]}},
        {{"kind":"directory","path":"/etc/td","owner":"me","group":"me","mode":"0750"}},
        {{"kind":"packages","names":["povray"]}},
        {{"kind":"file","path":"/etc/td/agent.key","content":"{KEY}","secret":true,"owner":"me","group":"me","mode":"0640"}},
        {{"kind":"file","path":"/etc/motd","content":"td\n","owner":"me","group":"me","mode":"0644"}},
        {{"kind":"nfs_export","path":"/srv/td","clients":["192.0.2.111"],"owner":"me","group":"me"}},
        {{"kind":"nfs_mount","path":"/mnt/td","source":{{"from":"nfs","server":"192.0.2.110","export":"/srv/td"}}}},
        {{"kind":"clock","source":{{"by":"chrony_client","server":"192.0.2.110"}}}},
        {{"kind":"boot","gpu_mem":16,"arm_freq":800}}]}}"#
    );
    DesiredState::from_json(json.as_bytes()).unwrap()
}

fn resources(events: &[Event]) -> impl Iterator<Item = &ResourceDone> {
    events.iter().filter_map(|event| if let Event::Resource(done) = event { Some(done) } else { None })
}

fn plan(events: &[Event]) -> &Plan {
    events.iter().find_map(|event| if let Event::Plan(plan) = event { Some(plan) } else { None }).unwrap()
}

/// One line per resource, for snapshots.
fn screen(events: &[Event]) -> String {
    let line = |done: &ResourceDone| {
        let outcome = serde_json::to_value(done.outcome).unwrap();
        format!("{} {} {}: {}\n", outcome.as_str().unwrap(), done.kind, done.name, done.message)
    };
    resources(events).map(line).collect()
}

#[test]
fn planned_applied_applied_again_and_removed() {
    let mut tree = Tree::new();
    let before = tree.content();

    let (ended, planned) = tree.call(Mode::Plan, state());
    assert_eq!(ended, Ended::Done);
    assert_eq!(tree.content(), before, "a plan changes nothing");
    assert_eq!(plan(&planned).pending, 9);

    let mut exactly = state();
    exactly.plan = Some(plan(&planned).digest);
    let (ended, applied) = tree.call(Mode::Apply, exactly);
    assert_eq!(ended, Ended::Done);
    insta::assert_snapshot!(screen(&applied), @r"
    changed hostname /etc/hostname: the host name is pi111; as it was: /etc/hostname.td-backup
    changed hosts /etc/hosts: 2 names in /etc/hosts; as it was: /etc/hosts.td-backup
    changed directory /etc/td: folder of me
    ok packages apt: 1 packages are installed
    changed file /etc/td/agent.key: written
    changed file /etc/motd: written; as it was: /etc/motd.td-backup
    changed nfs_export /srv/td: /srv/td is exported to 192.0.2.111
    changed nfs_mount /mnt/td: 192.0.2.110:/srv/td on /mnt/td; as it was: /etc/fstab.td-backup
    changed clock time: chrony keeps the clock
    changed boot config.txt: a block at the end of /boot/firmware/config.txt; as it was: /boot/firmware/config.txt.td-backup
    ");
    let diffs = |events: &[Event]| resources(events).map(|done| done.diffs.clone()).collect::<Vec<_>>();
    assert_eq!(diffs(&planned), diffs(&applied), "what is done is what was shown");
    assert_eq!(tree.text("etc/hostname"), "pi111\n");

    let after = tree.content();
    let (_, again) = tree.call(Mode::Apply, state());
    assert!(resources(&again).all(|done| done.outcome == Outcome::Ok), "{}", screen(&again));
    assert_eq!(plan(&again).pending, 0);
    assert_eq!(tree.content(), after, "a second apply changes nothing");

    let (_, removed) = tree.call(Mode::Remove, state());
    assert!(resources(&removed).all(|done| done.outcome != Outcome::Failed), "{}", screen(&removed));
    let mut left = tree.content();
    // The name stays; it may be the only one by which the machine is known. Folders that many programs use stay too.
    assert_eq!(left.remove("etc/hostname").unwrap().1, b"pi111\n");
    for path in ["etc/hostname.td-backup", "etc/exports.d", "etc/chrony/conf.d", "srv", "mnt"] {
        assert!(left.remove(path).is_some(), "{path}");
    }
    let mut expected = before;
    expected.remove("etc/hostname");
    let names = |tree: &BTreeMap<String, (u32, Vec<u8>)>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&left), names(&expected));
    assert_eq!(left, expected, "everything else is as it was before td");

    assert!(!tree.printed.contains("PRIVATE") && !tree.printed.contains("secretsecret"), "the key was printed");
}

/// What the inventory named when it was applied and names no more goes by td's marks.
#[test]
fn what_an_older_inventory_left_is_removed() {
    let mut tree = Tree::new();
    tree.call(Mode::Apply, state());
    tree.put("srv/td/.td-proof-pi111", "left by a proof that was cut off");
    let mut today = state();
    today.resources.retain(|resource| !matches!(resource.kind(), Kind::NfsExport | Kind::NfsMount | Kind::Boot));
    let (_, removed) = tree.call(Mode::Remove, today.clone());
    let said: Vec<String> = screen(&removed)
        .lines()
        .filter(|line| ["nfs", "boot"].iter().any(|kind| line.contains(kind)))
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    changed boot config.txt: td's block left /boot/firmware/config.txt
    changed nfs_mount /mnt/td: 192.0.2.110:/srv/td is not mounted on /mnt/td any more
    changed nfs_export /srv/td: /srv/td is not exported any more
    ");
    let config = resources(&removed).find(|done| done.name == "config.txt").unwrap();
    assert!(config.needs_reboot, "the firmware still runs with it");
    let content = tree.content();
    for file in ["etc/fstab", "boot/firmware/config.txt"] {
        assert!(!tree.text(file).contains("td: begin"), "{file}");
        assert!(!content.contains_key(&format!("{file}.td-backup")), "{file}");
    }
    assert!(!["etc/exports.d/td.exports", "srv/td", "mnt/td"].iter().any(|path| content.contains_key(*path)));
    let (_, again) = tree.call(Mode::Remove, today);
    assert!(!screen(&again).contains("config.txt"), "nothing is left to be taken back: {}", screen(&again));

    // A share at another place than today's.
    tree.call(Mode::Apply, state());
    let mut moved = state();
    for resource in &mut moved.resources {
        match resource {
            Resource::NfsExport(export) => export.path = "/srv/new".to_owned(),
            Resource::NfsMount(mount) => mount.path = "/mnt/new".to_owned(),
            _ => {}
        }
    }
    tree.call(Mode::Remove, moved);
    let content = tree.content();
    assert!(!["etc/exports.d/td.exports", "srv/td", "mnt/td"].iter().any(|path| content.contains_key(*path)));
    assert!(!tree.text("etc/fstab").contains("/mnt/"));
}

/// A cluster of one: the folder is made, and a line without clients, which would export to everybody, is not.
#[test]
fn a_share_without_other_nodes_is_exported_to_nobody() {
    let mut tree = Tree::new();
    let mut alone = state();
    for resource in &mut alone.resources {
        if let Resource::NfsExport(export) = resource {
            export.clients.clear();
        }
    }
    let (_, applied) = tree.call(Mode::Apply, alone.clone());
    assert!(
        screen(&applied).contains("changed nfs_export /srv/td: /srv/td is for this node alone, and exported to nobody"),
        "{}",
        screen(&applied)
    );
    let content = tree.content();
    assert!(content.contains_key("srv/td") && !content.contains_key("etc/exports.d/td.exports"));
    assert_eq!(plan(&tree.call(Mode::Apply, alone.clone()).1).pending, 0);
    // There were others before: they lose it.
    tree.call(Mode::Apply, state());
    assert!(tree.content().contains_key("etc/exports.d/td.exports"));
    tree.call(Mode::Apply, alone);
    assert!(!tree.content().contains_key("etc/exports.d/td.exports"));
}

#[test]
fn a_plan_is_done_exactly_or_not_at_all() {
    let mut tree = Tree::new();
    let (_, planned) = tree.call(Mode::Plan, state());
    let mut exactly = state();
    exactly.plan = Some(plan(&planned).digest);
    for (path, text) in [("etc/hosts", "127.0.0.1 localhost\n192.0.2.9 printer\n"), ("etc/td/agent.key", "another")] {
        tree.put(path, text);
        let before = tree.content();
        let (ended, events) = tree.call(Mode::Apply, exactly.clone());
        assert_eq!(ended, Ended::Refused, "{path}");
        assert!(matches!(events.last(), Some(Event::Refused(refused)) if refused.message.contains("plan again")));
        assert_eq!(tree.content(), before);
    }
}

#[test]
fn numbers_that_conflict_stop_everything_before_it_begins() {
    let mut tree = Tree::new();
    let before = tree.content();
    let mut state = state();
    let account = r#"{"kind":"account","name":"td","uid":7979,"gid":7979,"home":"/var/lib/td"}"#;
    tree.put("etc/passwd", &format!("{}bob:x:7979:100::/:/bin/sh\n", tree.text("etc/passwd")));
    let passwd = tree.text("etc/passwd");
    state.resources.push(serde_json::from_str(account).unwrap());
    let (_, events) = tree.call(Mode::Apply, state);
    let outcomes: Vec<Outcome> = resources(&events).map(|done| done.outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Failed).count(), 1);
    assert!(!outcomes.contains(&Outcome::Changed), "{}", screen(&events));
    tree.put("etc/passwd", &String::from_utf8(before["etc/passwd"].1.clone()).unwrap());
    assert_eq!(tree.content(), before, "{passwd}");
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let mut tree = Tree::new();
    tree.put("etc/fstab", "/dev/sda1 /mnt/td ext4 defaults 0 2\n");
    fs::remove_file(tree.dir.path().join("boot/firmware/config.txt")).unwrap();
    let (ended, events) = tree.call(Mode::Apply, state());
    assert_eq!(ended, Ended::Done);
    let failed: Vec<String> =
        screen(&events).lines().filter(|line| line.starts_with("failed")).map(str::to_owned).collect();
    insta::assert_snapshot!(failed.join("\n"), @r"
    failed nfs_mount /mnt/td: line 1 of /etc/fstab mounts /dev/sda1 on /mnt/td: remove it, or write another `mount` into the inventory
    failed boot config.txt: there is no config.txt in /boot/firmware or /boot: is this a Raspberry Pi 1 B with its boot partition in place?
    ");
    assert_eq!(tree.text("etc/fstab"), "/dev/sda1 /mnt/td ext4 defaults 0 2\n");
    assert_eq!(tree.text("etc/hostname"), "pi111\n");
}

#[test]
fn hardware_that_ignores_a_setting_is_said() {
    let mut tree = Tree::new();
    for (model, message) in [
        ("pi5", "a Raspberry Pi 5 ignores gpu_mem: take it out of the inventory for this node"),
        (
            "pi4",
            "arm_freq=800 would slow this Raspberry Pi 4, which runs at 1500 MHz without it: take it out of the inventory for this node",
        ),
        ("pi9", "this td-agent does not know the model pi9: update td-agent on this node"),
        (
            "generic",
            "this is no Raspberry Pi that td knows but a machine without a device tree: boot settings are for those",
        ),
    ] {
        let mut state = state();
        state.model = Some(model.to_owned());
        let (_, events) = tree.call(Mode::Plan, state);
        let done = resources(&events).find(|done| done.name == "config.txt").unwrap();
        assert_eq!((done.outcome, done.message.as_str()), (Outcome::Failed, message));
    }
    tree.put("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0");
    let (_, events) = tree.call(Mode::Plan, state());
    let done = resources(&events).find(|done| done.name == "config.txt").unwrap();
    assert_eq!(
        done.message,
        "the inventory says pi1b, and this is a Raspberry Pi 4 Model B Rev 1.4: write `model: pi4`"
    );
}

#[test]
fn cloud_init_does_not_undo_it() {
    let mut tree = Tree::new();
    tree.put("etc/cloud/cloud.cfg", "preserve_hostname: false\n");
    tree.put("etc/cloud/templates/hosts.debian.tmpl", "## template:jinja\n127.0.1.1 {{fqdn}} {{hostname}}\n");
    tree.put("boot/firmware/user-data", "#cloud-config\nhostname: raspberrypi\nmanage_etc_hosts: true\n");
    let before = tree.content();
    tree.call(Mode::Apply, state());
    assert!(
        tree.text("etc/cloud/cloud.cfg.d/99-td.cfg").contains("preserve_hostname: true\nmanage_etc_hosts: false\n")
    );
    assert!(tree.text("etc/cloud/templates/hosts.debian.tmpl").contains("\n192.0.2.110 pi110\n"));
    let (_, again) = tree.call(Mode::Apply, state());
    assert_eq!(plan(&again).pending, 0);
    tree.call(Mode::Remove, state());
    let after = tree.content();
    for path in ["etc/cloud/templates/hosts.debian.tmpl", "etc/hosts", "etc/fstab", "boot/firmware/config.txt"] {
        assert_eq!(after[path], before[path], "{path}");
    }
    assert!(!after.contains_key("etc/cloud/cloud.cfg.d/99-td.cfg"));
}

#[test]
fn digests_name_plans_and_nothing_else() {
    let (mut one, mut two) = (Tree::new(), Tree::new());
    let digest = |tree: &mut Tree| -> ContentHash { plan(&tree.call(Mode::Plan, state()).1).digest };
    assert_eq!(digest(&mut one), digest(&mut two));
    two.put("etc/hosts", "127.0.0.1 localhost\n");
    assert_ne!(digest(&mut one), digest(&mut two));
}
