//! The agent for the Raspberry Pi 1 and Zero, on an emulated ARM1176.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, foreign, programs};

/// An emulated processor is some twenty times slower than this one.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);
/// The agent's bytes may not exceed this: it goes to every node, over its wire and into its memory.
const MOST_BYTES: u64 = 4_000_000;
/// What is rendered of `word-size.pov`; `references/make.sh` has the same.
pub(crate) const SIZE: [&str; 2] = ["+W96", "+H72"];

fn emulated(cpu: &str, program: &Path, arguments: &[&str]) -> Outcome {
    process::run(Command::new(foreign::qemu()).args(["-cpu", cpu]).arg(program).args(arguments), LIMIT)
}

fn readelf(option: &str) -> String {
    let mut command = Command::new("readelf");
    let outcome = process::run(command.args([option, "-W"]).arg(foreign::agent()).env("LC_ALL", "C"), LIMIT);
    outcome.code(0);
    outcome.out()
}

/// Debian's compiler for 32-bit ARM makes start-up code of ARMv7. If that ran, nothing here would check anything.
#[test]
fn a_program_for_a_newer_processor_dies_there() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("one-line");
    fs::write(folder.path().join("one-line.c"), "int main(void) { return 0; }\n").unwrap();
    let mut compiler = Command::new("arm-linux-gnueabihf-gcc");
    compiler.args(["-static", "-o", "one-line", "one-line.c"]).current_dir(folder.path());
    process::run(&mut compiler, LIMIT).code(0);
    emulated("cortex-a7", &program, &[]).code(0);
    let outcome = emulated(foreign::CPU, &program, &[]);
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(outcome.status.signal(), Some(Signal::ILL.as_raw()), "{}", outcome.transcript());
}

/// A Raspberry Pi 2's, which an older one cannot run, and a Pi 3's; a 64-bit one's emulator is another program.
#[test]
#[ignore = "two more agents are built first: make e2e"]
fn agents_for_newer_processors_run_there() {
    let newer = foreign::agent_for("armv7-unknown-linux-musleabihf");
    emulated("cortex-a7", &newer, &["self-test"]).code(0);
    let outcome = emulated(foreign::CPU, &newer, &["self-test"]);
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(outcome.status.signal(), Some(Signal::ILL.as_raw()), "{}", outcome.transcript());
    let emulator =
        programs::in_path("qemu-aarch64-static").expect("no qemu-aarch64-static in PATH: `make e2e` brings it");
    let wide = foreign::agent_for("aarch64-unknown-linux-musl");
    process::run(Command::new(emulator).args(["-cpu", "cortex-a53"]).arg(wide).arg("self-test"), LIMIT).code(0);
}

#[test]
fn its_headers_say_armv6_static_and_stripped() {
    let attributes = readelf("-A");
    for words in ["Tag_CPU_arch: v6", "Tag_FP_arch: VFPv2", "Tag_ABI_VFP_args: VFP registers"] {
        assert!(attributes.contains(words), "lacks {words}:\n{attributes}");
    }
    let segments = readelf("-l");
    assert!(!segments.contains("INTERP") && segments.contains("LOAD"), "not static:\n{segments}");
    let dynamic = readelf("-d");
    assert!(!dynamic.contains("NEEDED") && !dynamic.contains("TEXTREL"), "{dynamic}");
    assert!(!readelf("-S").contains(".symtab"), "not stripped");
    let bytes = fs::metadata(foreign::agent()).unwrap().len();
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
}

#[test]
fn it_starts_and_its_self_test_passes() {
    let version = emulated(foreign::CPU, &foreign::agent(), &["--version"]);
    version.code(0);
    assert!(version.out().starts_with("td-agent "), "{}", version.transcript());
    let outcome = emulated(foreign::CPU, &foreign::agent(), &["self-test"]);
    outcome.code(0).speaks_to_a_person();
    let out = outcome.out();
    let checks = ["sha-256", "conversion tables", "32-bit POV-Ray", "64-bit POV-Ray", "TLS13_"];
    for check in checks {
        assert!(out.lines().any(|line| line.starts_with("ok ") && line.contains(check)), "lacks {check}:\n{out}");
    }
}

/// The emulated agent with emulated POV-Ray, without arguments.
pub(crate) fn agent(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command(foreign::qemu());
    command.args(["-cpu", foreign::CPU]).arg(foreign::agent()).env("TD_POVRAY", foreign::emulated_povray());
    command
}

/// Lays the fingerprint that an earlier test's agent found into this one's cache.
pub(crate) fn bring_fingerprint(cache: &Path) {
    let kept = foreign::kept_fingerprint();
    if kept.is_file() {
        fs::create_dir_all(cache).unwrap();
        fs::copy(&kept, cache.join("fingerprint.json")).unwrap();
    }
}

/// Waits until the agent has its fingerprint, and keeps that. Without a kept one it renders it first, which takes an
/// emulated processor a while.
pub(crate) fn keep_fingerprint(cache: &Path, agent: &mut Running) {
    let (own, begun) = (cache.join("fingerprint.json"), Instant::now());
    while !own.is_file() {
        assert!(!agent.has_ended(), "the agent ended: {}", agent.err_so_far());
        assert!(begun.elapsed() < LIMIT, "no fingerprint after {} s: {}", LIMIT.as_secs(), agent.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::copy(&own, foreign::kept_fingerprint()).unwrap();
}

/// An emulated agent with one slot that knows its fingerprint, and its socket.
fn serve(sandbox: &Sandbox) -> (Running, PathBuf) {
    let (socket, cache) = (sandbox.path().join("pi1.sock"), sandbox.work().join("armv6"));
    bring_fingerprint(&cache);
    let mut command = agent(sandbox);
    command.args(["serve", "--cache", "armv6", "--slots", "1", "--name", "pi1", "--socket"]).arg(&socket);
    let mut agent = process::start(&mut command);
    while !socket.exists() {
        assert!(!agent.has_ended(), "the agent ended: {}", agent.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    keep_fingerprint(&cache, &mut agent);
    (agent, socket)
}

/// What every POV-Ray of 32 bit draws of `word-size.pov`.
pub(crate) fn stored_32() -> Picture {
    Picture::read(&programs::workspace().join("tests/references/word-size-32.png")).unwrap()
}

/// What this machine's own POV-Ray draws of it.
pub(crate) fn native() -> Picture {
    let (switches, folder) = (SIZE.map(str::to_owned), programs::own_scenes());
    let reference = Reference { root: &folder, folder: &folder, scene: "word-size.pov", switches: &switches };
    reference.picture().unwrap()
}

/// Emulated agent, emulated POV-Ray, this machine's master.
#[test]
fn its_picture_is_that_of_the_32_bit_group() {
    let sandbox = Sandbox::new();
    let (agent, socket) = serve(&sandbox);
    let scene = programs::own_scenes().join("word-size.pov");
    let mut render = sandbox.td(["render", "--json", "-o", "pi1.png"]);
    render.arg("--agent").arg(&socket).arg(&scene).args(SIZE);
    let outcome = process::run(&mut render, LIMIT);
    outcome.code(0).speaks_to_a_person();
    agent.signal(Signal::TERM);
    agent.wait(LIMIT).code(0);
    assert!(outcome.out().contains(r#""from_state_file":true"#), "{}", outcome.transcript());

    let got = Picture::read(&sandbox.work().join("pi1.png")).unwrap();
    compare::same_samples(&stored_32(), &got).unwrap();
    // The scene tells the groups apart: a POV-Ray of 64 bit draws it otherwise.
    compare::same_samples(&native(), &got).unwrap_err();
    sandbox.nothing_left_behind();
}
