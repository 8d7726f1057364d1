//! Builds with a cross that does what a test wants.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{Machine, arm_program, program, shown};

const RESULT: &str = "td/target/arm-unknown-linux-musleabihf/release/td-agent";

#[test]
fn a_second_call_builds_nothing_until_a_source_changes() {
    let machine = Machine::with_cross();
    machine.on_build(&format!("put {}", program(&machine, 6)));
    let (code, out, said) = machine.run(&["--with", "cross"]);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("built (cross)"), "{out}");
    assert_eq!(std::fs::read(machine.path(RESULT)).unwrap(), arm_program(6));
    let (_, out, _) = machine.run(&[]);
    assert!(out.contains("up to date"), "{out}");
    // What somebody did to the result is put right without a build.
    std::fs::remove_file(machine.path(RESULT)).unwrap();
    assert_eq!(machine.run(&[]).0, 0);
    assert!(machine.path(RESULT).is_file());
    assert_eq!(machine.builds(), 1);
    machine.write("td/agent/src/main.rs", "fn main() {}");
    let (_, out, _) = machine.run(&["--json"]);
    assert_eq!(machine.builds(), 2);
    assert!(out.contains(r#""built":true"#) && out.ends_with("{\"agents\":1,\"event\":\"done\"}\n"), "{out}");
}

#[test]
fn cross_never_sees_the_users_toolchains() {
    let machine = Machine::with_cross();
    machine.on_build(&format!("put {}", program(&machine, 6)));
    let mut command = machine.command(&["--with", "cross"]);
    command.env("RUSTUP_TOOLCHAIN", "nightly").env("RUSTFLAGS", "-Ctarget-cpu=native").env("CFLAGS", "-O0");
    assert_eq!(shown(&command.output().unwrap()).0, 0);
    let seen = machine.read("cross-environment");
    let home = machine.path("td/target/agents/tools/rustup-home");
    let value = |name: &str| seen.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned);
    assert_eq!(value("RUSTUP_HOME").as_deref(), home.to_str());
    assert_eq!(value("RUSTUP_DIST_SERVER").as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(value("RUSTUP_UPDATE_ROOT").as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(value("RUSTUP_TOOLCHAIN"), None);
    assert_eq!(value("XARGO_HOME").as_deref(), machine.path("td/target/agents/tools/xargo").to_str());
    assert_eq!((value("RUSTFLAGS"), value("CFLAGS")), (None, None));
    // Those of a ~/.cargo/config.toml, which the container sees, give way; Cross.toml hands the wrappers in.
    let passed = include_str!("../../../../Cross.toml").lines().find(|line| line.starts_with("passthrough")).unwrap();
    for name in ["CARGO_BUILD_RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"] {
        assert_eq!(value(name).as_deref(), Some(""), "{name}");
        assert!(passed.contains(&format!("{name:?}")), "{passed}");
    }
    assert_eq!(value("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER").as_deref(), Some("cc"));
    // The toolchain is there under its folder's name, and rustup is asked for nothing.
    let link = home.join("toolchains/toolchain");
    assert_eq!(std::fs::read_link(link).unwrap(), machine.path("toolchain"));
    assert_eq!(machine.read("rustup-asked"), "");
}

/// The registry's folder is named after its address, and comes into being when the crates are fetched.
#[test]
fn where_the_crates_came_from_is_not_in_what_is_built() {
    let machine = Machine::with_cross();
    machine.script(
        "../toolchain/bin/cargo",
        "[ \"$1\" != fetch ] || mkdir -p \"$HOME/.cargo/registry/src/mirror-0123abcd\"",
    );
    machine.on_build(&format!("put {}", program(&machine, 6)));
    assert_eq!(machine.run(&["--with", "cross"]).0, 0);
    let seen = machine.read("cross-environment");
    let flags = seen.lines().find(|line| line.starts_with("CARGO_ENCODED_RUSTFLAGS=")).unwrap();
    assert!(flags.contains("--remap-path-prefix=/cargo/registry/src/mirror-0123abcd=/crates"), "{flags:?}");
}

#[test]
fn a_rootless_docker_keeps_the_user_that_it_has() {
    for (security, expected) in [("[name=seccomp,profile=builtin name=rootless]", "1"), ("[name=seccomp]", "auto")] {
        let machine = Machine::with_cross();
        machine.script("docker", &format!("case $1 in image) echo sha256:1234 ;; *) echo '{security}' ;; esac"));
        machine.on_build(&format!("put {}", program(&machine, 6)));
        assert_eq!(machine.run(&["--with", "cross"]).0, 0);
        let line = format!("CROSS_ROOTLESS_CONTAINER_ENGINE={expected}");
        assert!(machine.read("cross-environment").lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn what_is_too_new_for_the_target_is_not_handed_on() {
    let machine = Machine::with_cross();
    machine.on_build(&format!("put {}", program(&machine, 10)));
    let (code, _, said) = machine.run(&["--with", "cross"]);
    assert_eq!(code, 1);
    assert!(said.contains("arm-unknown-linux-musleabihf") && said.contains("Raspberry Pi 1"), "{said}");
    assert!(!machine.path(RESULT).exists());
}

#[test]
fn failures_say_why() {
    let machine = Machine::with_cross();
    for (script, words) in [
        ("echo 'error: No space left on device' >&2; exit 101", "disk is full"),
        ("echo \"Could not resolve host: index\" >&2; exit 101", "registry cannot be reached"),
        ("echo 'error[E0425]: cannot find value' >&2; exit 101", "error[E0425]"),
    ] {
        machine.on_build(script);
        let (code, _, said) = machine.run(&["--with", "cross"]);
        assert_eq!(code, 1);
        assert!(said.contains(words) && said.contains("target/agents/log") | said.contains("make room"), "{said}");
    }
}

#[test]
fn an_interrupted_build_can_be_repeated() {
    // As the engines do it: `--cidfile FILE` has the container's id.
    let begins = r#"eval "set -- $CROSS_CONTAINER_OPTS"; [ "$1" = --cidfile ]; echo 0123abcd >"$2"; touch $HERE/begun; sleep 600"#;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let machine = Machine::with_cross();
        machine.script(
            "docker",
            "echo \"$*\" >>$HERE/engine-asked; case $1 in image) echo sha256:1234 ;; *) echo ok ;; esac",
        );
        machine.on_build(begins);
        let mut command = machine.command(&["--with", "cross"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(|| machine.path("begun").exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let (code, _, said) = shown(&child.wait_with_output().unwrap());
        assert_eq!(code, 130, "{said}");
        assert!(said.contains("goes on from here"), "{said}");
        // The container does not end with cross.
        let asked = machine.read("engine-asked");
        assert!(asked.lines().any(|line| line == "kill 0123abcd"), "{asked}");
        machine.on_build(&format!("put {}", program(&machine, 6)));
        assert_eq!(machine.run(&["--with", "cross"]).0, 0);
        // A container that came to its end is let alone.
        assert_eq!(machine.read("engine-asked").matches("kill").count(), 1);
    }
}

#[test]
fn two_builds_at_once_are_one() {
    let machine = Machine::with_cross();
    machine.on_build(&format!(
        "touch $HERE/begun; while [ ! -e $HERE/go ]; do sleep 0.05; done; put {}",
        program(&machine, 6)
    ));
    let start = || {
        let mut command = machine.command(&["--with", "cross"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = start();
    wait_for(|| machine.path("begun").exists());
    let second = start();
    // The second one has to reach the lock while the first one holds it; it says so then.
    std::thread::sleep(Duration::from_millis(300));
    machine.write("go", "");
    let (code, _, said) = shown(&first.wait_with_output().unwrap());
    assert_eq!(code, 0, "{said}");
    let (code, out, said) = shown(&second.wait_with_output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("up to date"), "{out}{said}");
    assert_eq!(machine.builds(), 1);
}

#[test]
fn sources_that_change_during_the_build_are_built_again() {
    let machine = Machine::with_cross();
    let source = machine.path("td/agent/src/main.rs");
    let file = program(&machine, 6);
    machine.on_build(&format!(
        "[ -e $HERE/changed ] || {{ touch $HERE/changed; echo new >{}; }}; put {file}",
        source.display()
    ));
    let (code, _, said) = machine.run(&["--with", "cross"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(machine.builds(), 2);
    assert!(machine.run(&[]).1.contains("up to date"));
}

fn wait_for(happened: impl Fn() -> bool) {
    for _ in 0..1200 {
        if happened() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("it did not happen in 30 s");
}
