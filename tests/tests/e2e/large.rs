//! The paper's 12800x9600, which never rendered there, on POV-Rays of 32 bit: `tests/large.sh` does it and compares.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use td_tests::{foreign, process, programs, skip};

const LIMIT: Duration = Duration::from_secs(600);

fn large(part: &str, limit: Duration, words: &[&str]) {
    if !skip::is_root() {
        skip::skip("large", "needs root for a root of another architecture and for control groups");
        return;
    }
    let mut script = Command::new(programs::workspace().join("tests/large.sh"));
    let outcome = process::run(script.arg(part), limit);
    println!("{}", outcome.out());
    outcome.code(0);
    for word in words {
        assert!(outcome.out().contains(word), "lacks {word:?}\n{}", outcome.transcript());
    }
}

#[test]
#[ignore = "a strip of 12800x9600: make e2e"]
fn a_strip_equals_that_of_one_go() {
    large(
        "part",
        Duration::from_secs(1200),
        &["it fails with exit code 1", "equal: ", "px differ between 32 and 64 bit"],
    );
}

#[test]
#[ignore = "123 million pixels: make e2e"]
fn the_whole_picture_is_read_back_by_two_readers() {
    large("whole", Duration::from_secs(3600), &["pngcheck: ok", "peak memory: agent one"]);
}

/// The same library for ARM, in Debian's POV-Ray for armel on an emulated ARM1176. What fails on a Raspberry Pi does not
/// fail there, since the emulator opens each file as a large one; but it tells what it was asked for.
#[test]
#[ignore = "minutes of an emulated processor: make e2e"]
fn on_arm_the_buffer_is_opened_as_a_large_file() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("large-file.so");
    let made = process::run(Command::new(programs::binary("td-agent")).args(["large-file-library", "arm"]), LIMIT);
    made.code(0);
    fs::write(&library, &made.stdout).unwrap();
    let opened = |preload: Option<&Path>| {
        let mut povray = Command::new(foreign::emulated_povray());
        povray.arg(format!("+I{}", programs::own_scenes().join("cheap.pov").display()));
        // Large enough for a file, two rows of it.
        povray.args(["+Opart.png", "+W3200", "+H2400", "+SR33", "+ER34", "+WT1", "-D", "-V"]);
        povray.env("QEMU_STRACE", "1").env("POV_TEMP_DIR", folder.path()).current_dir(folder.path());
        if let Some(library) = preload {
            povray.env("QEMU_SET_ENV", format!("LD_PRELOAD={}", library.display()));
        }
        let outcome = process::run(&mut povray, LIMIT);
        outcome.code(0);
        let told = outcome.err();
        let line = told.lines().find(|line| line.contains("open") && line.contains("O_RDWR|O_CREAT"));
        line.unwrap_or_else(|| panic!("no buffer file\n{told}")).to_owned()
    };
    let (plain, helped) = (opened(None), opened(Some(&library)));
    assert!(!plain.contains("O_LARGEFILE"), "{plain}");
    assert!(helped.contains("O_LARGEFILE"), "{helped}");
}
