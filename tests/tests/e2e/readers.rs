//! The file is read by programs that know nothing of td.

use std::process::Command;
use std::time::Duration;

use td_tests::picture::Picture;
use td_tests::sandbox::Sandbox;
use td_tests::{process, programs};

/// Renders a scene with these switches and reads the file with pngcheck, netpbm and Pillow.
fn read_by_all(switches: &[&str], pillows_mode: &str) {
    let sandbox = Sandbox::new();
    let scene = programs::own_scenes().join("gamma-1.0.pov");
    let mut command = sandbox.td(["render"]);
    command.arg(scene).args(["+W97", "+H133", "--slots", "3", "-o", "out.png"]).args(switches);
    process::run(&mut command, Duration::from_secs(120)).code(0);
    let out = sandbox.work().join("out.png");
    let ours = Picture::read(&out).expect("the png crate reads it");

    let seconds = Duration::from_secs(20);
    process::run(Command::new("pngcheck").arg("-v").arg(&out), seconds).code(0);
    let netpbm = process::run(Command::new("pngtopnm").arg(&out), seconds);
    netpbm.code(0);
    // Without alpha, PNM is a head and then the very samples of the file.
    if ours.colour != png::ColorType::Rgba {
        assert!(netpbm.stdout.ends_with(&ours.samples), "netpbm reads other samples");
    }
    let script = "import sys; from PIL import Image; i = Image.open(sys.argv[1]); i.load(); print(i.mode, *i.size); \
                  sys.stdout.flush(); sys.stdout.buffer.write(i.tobytes())";
    let pillow = process::run(Command::new(programs::python()).args(["-c", script]).arg(&out), seconds);
    pillow.code(0);
    let head = format!("{pillows_mode} 97 133\n");
    let pixels = pillow.stdout.strip_prefix(head.as_bytes()).unwrap_or_else(|| panic!("{}", pillow.transcript()));
    if ours.sample_bytes() == 1 {
        assert_eq!(pixels, ours.samples, "Pillow reads other samples");
    }
    sandbox.nothing_left_behind();
}

#[test]
fn colour() {
    read_by_all(&["+A0.3"], "RGB");
}

#[test]
fn colour_16_bit() {
    read_by_all(&["+FN16"], "RGB");
}

#[test]
fn alpha() {
    read_by_all(&["+UA"], "RGBA");
}

#[test]
fn grey() {
    // Pillow widens 16-bit grey to its own integers.
    read_by_all(&["+FNg"], "I");
}
