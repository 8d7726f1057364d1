//! Full disks and folders that may not be written, for the output and for scratch.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use td_tests::process::{self, Outcome};
use td_tests::programs;
use td_tests::sandbox::Sandbox;
use td_tests::skip::{is_root, skip};

use crate::scenes::SMALL;

const LIMIT: Duration = Duration::from_secs(120);

/// Whether this process may have a mount namespace of its own.
pub fn may_mount() -> bool {
    is_root() && process::run(Command::new("unshare").args(["--mount", "true"]), LIMIT).status.success()
}

/// Runs td in a mount namespace where `mount` has been run first; the namespace ends with it, and so do its mounts.
fn run_with_mount(sandbox: &Sandbox, mount: &str, check: &str, args: &[&str]) -> Outcome {
    let script = format!("set -eu; mount --make-rprivate /; {mount}\ncode=0; \"$@\" || code=$?; {check}\nexit $code");
    let mut command = sandbox.command("unshare");
    command.args(["--mount", "/bin/sh", "-c", &script, "sh"]).arg(programs::binary("td")).args(args);
    process::run(&mut command, LIMIT)
}

fn tmpfs(size: &str, at: &Path) -> String {
    format!("mkdir -p '{0}'; mount -t tmpfs -o size={size} tmpfs '{0}'", at.display())
}

#[test]
fn the_outputs_disk_is_full() {
    if !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL.replace("checker rgb 0.9 rgb 0.5", "granite"));
    let full = sandbox.work().join("full");
    // After td has ended, the folder must be empty: no partial file.
    let check = "if [ -n \"$(ls -A full)\" ]; then echo left behind: $(ls -A full) >&2; exit 99; fi";
    let args = ["render", "scene.pov", "+W801", "+H601", "+FN16", "-o", "full/out.png"];
    let outcome = run_with_mount(&sandbox, &tmpfs("64k", &full), check, &args);
    outcome.code(1).speaks_to_a_person().says(&["full/out.png", "space"]);
    sandbox.nothing_left_behind();
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "good.png"]).code(0);
}

#[test]
fn the_scratch_is_full() {
    if !may_mount() {
        return skip("disk_full", "needs root and a mount namespace");
    }
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let cache = sandbox.home().join(".cache");
    let args = ["render", "scene.pov", "+W2001", "+H2001", "-o", "out.png"];
    let outcome = run_with_mount(&sandbox, &tmpfs("300k", &cache), ":", &args);
    let code = outcome.status.code();
    assert!(code == Some(1) || code == Some(4), "{}", outcome.transcript());
    outcome.speaks_to_a_person().says(&["full"]);
    assert!(!sandbox.work().join("out.png").exists());
    sandbox.nothing_left_behind();
    sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "good.png"]).code(0);
}

#[test]
fn the_outputs_folder_is_read_only() {
    if !may_mount() {
        if is_root() {
            return skip("read_only_folder", "root may write everywhere, and there is no mount namespace");
        }
        return read_only_by_permission();
    }
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let mount = "mkdir -p fixed; mount -t tmpfs -o ro tmpfs fixed";
    let outcome = run_with_mount(&sandbox, mount, ":", &["render", "scene.pov", "+W97", "+H71", "-o", "fixed/out.png"]);
    outcome.code(2).speaks_to_a_person().says(&["fixed", "read-only"]);
    sandbox.nothing_left_behind();
}

fn read_only_by_permission() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let fixed = sandbox.work().join("fixed");
    std::fs::create_dir(&fixed).unwrap();
    std::fs::set_permissions(&fixed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = sandbox.run(["render", "scene.pov", "+W97", "+H71", "-o", "fixed/out.png"]);
    outcome.code(2).speaks_to_a_person().says(&["fixed", "permission"]);
}
