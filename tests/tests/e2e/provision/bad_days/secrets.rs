//! No secret is in any output, log, file, argument list or environment.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use td_tests::nodes::{self, Cluster, Fresh, Node};
use td_tests::process;
use td_tests::programs::workspace;
use td_tests::sandbox::files_below;

use super::super::{LIMIT, Master, usual};

/// Looks at every process's arguments and environment until it is dropped.
pub struct Watch {
    stop: Sender<()>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    pub fn for_secret(secret: &'static str) -> Self {
        let (stop, stopped) = channel();
        let own = std::process::id().to_string();
        let look = move || {
            let mut found = Vec::new();
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if name == own || !name.bytes().all(|b| b.is_ascii_digit()) {
                        continue;
                    }
                    for what in ["cmdline", "environ"] {
                        let text = fs::read(entry.path().join(what)).unwrap_or_default();
                        let text = String::from_utf8_lossy(&text).replace('\0', " ");
                        if text.contains(secret) {
                            found.push(format!("{name} {what}"));
                        }
                    }
                }
                sleep(Duration::from_millis(3));
            }
            found
        };
        Self { stop, thread: Some(spawn(look)) }
    }

    pub fn end(mut self) -> Vec<String> {
        let _ = self.stop.send(());
        self.thread.take().expect("once").join().unwrap()
    }
}

#[test]
fn no_secret_is_anywhere() {
    const SECRET: &str = "Geheim-4711-Wort";
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::with(1, |_| Fresh::new().no_key().sudo_asks());
    let node = cluster.node(1);
    let defaults = format!("{}password: {{ command: cat secret }}\n", usual(&cluster));
    let master = Master::with(&cluster, &defaults, "");
    master.sandbox.write("secret", format!("{SECRET}\n"));
    set_password(node, &master.sandbox.work().join("secret"));

    let watch = Watch::for_secret(SECRET);
    for arguments in [
        // The first one makes the keys, which the plan then has to hide.
        &["apply", "--yes", "--json", "--only", "hostname"][..],
        &["plan", "-v"],
        &["apply", "--yes", "-v", "--only", "hostname"],
    ] {
        let outcome = master.run(arguments);
        assert!(matches!(outcome.status.code(), Some(0 | 3)), "{}", outcome.transcript());
        assert!(!outcome.transcript().contains(SECRET), "{arguments:?} shows it");
        assert!(!outcome.transcript().contains("PRIVATE KEY"), "{arguments:?} shows a key");
    }
    let seen = watch.end();
    assert!(seen.is_empty(), "seen in argument lists or environments: {seen:#?}");
    nowhere_on(node, SECRET);
    // On the master it is in the test's own file, and nowhere else.
    let files = files_below(master.sandbox.path());
    let holding: Vec<_> = files
        .iter()
        .filter(|file| fs::read(file).is_ok_and(|text| String::from_utf8_lossy(&text).contains(SECRET)))
        .collect();
    assert_eq!(holding.len(), 1, "{holding:?}");
}

/// Gives the user pi the password in a file; by standard input, so that not even this puts it into an argument list.
pub fn set_password(node: &Node, file: &Path) {
    let mut chpasswd = Command::new("sh");
    chpasswd
        .env("TD_LAN", node.address().octets()[2].to_string())
        .args(["-c", "(printf pi:; cat \"$1\") | \"$2\" exec \"$3\" chpasswd", "sh"])
        .arg(file)
        .arg(workspace().join("tests/nodes/node.sh"))
        .arg(node.name().trim_start_matches("pi"));
    process::run(&mut chpasswd, LIMIT).code(0);
}

/// Looks for it in the node's files and journal.
pub fn nowhere_on(node: &Node, secret: &str) {
    node.sh(&format!(
        "if grep -rlF '{secret}' /etc /var/log /run /tmp /var/lib/td /home 2>/dev/null; then exit 1; fi\n\
         if journalctl --no-pager | grep -F '{secret}'; then exit 1; fi"
    ));
}
