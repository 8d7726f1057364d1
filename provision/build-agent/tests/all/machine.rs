//! A machine: a PATH of scripts, an empty home, a checkout with the least that one needs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A cross that knows its version and, for `build`, does what `$FAKE_CROSS` says.
const CROSS: &str = r#"case $1 in
  --version) echo "cross 0.2.5" ;;
  build) echo build >>"$HERE/builds"; env >"$HERE/cross-environment"; . "$HERE/on-build" ;;
esac"#;
/// A rustup that notes what it is asked.
const RUSTUP: &str = r#"echo "$RUSTUP_HOME $*" >>"$HERE/rustup-asked""#;

pub struct Machine {
    folder: TempDir,
}

impl Machine {
    /// Nothing but a shell.
    pub fn bare() -> Self {
        let machine = Self { folder: tempfile::tempdir().expect("a folder") };
        machine.write("td/Cargo.toml", "[workspace.package]\nrust-version = \"1.89\"\n");
        machine.write("td/Cargo.lock", "");
        machine.write("td/agent/Cargo.toml", "[package]\nname = \"td-agent\"\n");
        machine.write("td/agent/src/main.rs", "");
        machine.write("td/protocol/src/lib.rs", "");
        machine.write("td/Cross.toml", "[target.arm-unknown-linux-musleabihf]\nimage = \"localhost/td-cross:1\"\n");
        for folder in ["bin", "home"] {
            fs::create_dir_all(machine.path(folder)).expect("made");
        }
        // Neither of this machine's own engines is to answer.
        machine.script("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
        machine.script("podman", "echo 'podman is broken' >&2; exit 125");
        machine
    }

    /// cross, rustup, an engine with the image, a toolchain with the target's std.
    pub fn with_cross() -> Self {
        let machine = Self::bare();
        machine.script("cross", CROSS);
        machine.script("rustup", RUSTUP);
        machine.script("docker", "case $1 in image) echo sha256:1234 ;; *) echo ok ;; esac");
        machine.toolchain("1.99.0");
        machine
    }

    /// A `rustc` of this version whose toolchain has the std of ARMv6.
    pub fn toolchain(&self, version: &str) {
        let sysroot = self.path("toolchain");
        self.write("toolchain/lib/rustlib/arm-unknown-linux-musleabihf/lib/libstd-0123.rlib", "");
        let rustc = format!(
            "case $1 in --print) echo {} ;; *) printf 'rustc {version}\\nrelease: {version}\\n' ;; esac",
            sysroot.display()
        );
        fs::create_dir_all(sysroot.join("bin")).expect("made");
        self.script("rustc", &rustc);
        self.script("../toolchain/bin/rustc", &rustc);
        self.script("../toolchain/bin/cargo", "echo cargo");
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn write(&self, below: &str, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// A program in the machine's PATH; `$HERE` is the machine's folder.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        let here = self.folder.path().display();
        let draft = self.path("draft");
        fs::write(&draft, format!("#!/bin/sh\nHERE={here}\n{text}\n")).expect("written");
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).expect("may be run");
        // Written by another process: a file that this one has open for writing, or a child that another test starts at this
        // moment, cannot be run ("text file busy").
        let copied = Command::new("cp").arg(&draft).arg(&path).status().expect("cp runs");
        assert!(copied.success());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_td-build-agent"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .current_dir(self.path("td"));
        command
    }

    /// Exit code, standard output, standard error.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        shown(&self.command(arguments).output().expect("runs"))
    }

    /// How often cross was asked to build.
    pub fn builds(&self) -> usize {
        self.read("builds").lines().count()
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_default()
    }

    /// What cross is to do when asked to build: a shell script; `put FILE` puts FILE where cargo would.
    pub fn on_build(&self, script: &str) {
        let put = "put() { d=$CARGO_TARGET_DIR/arm-unknown-linux-musleabihf/release; mkdir -p \"$d\"; cp \"$1\" \"$d/td-agent\"; }";
        self.write("on-build", format!("{put}\n{script}\n"));
    }
}

pub fn shown(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The least that passes for a static, stripped program: an ELF head and, for ARM, the build attributes of an ARM1176
/// (`cpu` 6) or of something newer.
pub fn arm_program(cpu: u8) -> Vec<u8> {
    let attributes = {
        let pairs = [6, cpu, 10, 2, 28, 1];
        let mut file = vec![1];
        file.extend(u32::try_from(pairs.len() + 5).expect("small").to_le_bytes());
        file.extend(pairs);
        let mut section = b"A".to_vec();
        section.extend(u32::try_from(file.len() + 10).expect("small").to_le_bytes());
        section.extend(b"aeabi\0");
        section.extend(file);
        section
    };
    let mut bytes = vec![0_u8; 52];
    bytes[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    bytes[18] = 40;
    bytes[36..40].copy_from_slice(&0x0500_0400_u32.to_le_bytes());
    // One section, behind the attributes' bytes.
    let table = u32::try_from(52 + attributes.len()).expect("small");
    bytes[32..36].copy_from_slice(&table.to_le_bytes());
    bytes[46] = 40;
    bytes[48] = 1;
    bytes.extend(&attributes);
    let mut section = [0_u32; 10];
    section[1] = 0x7000_0003;
    section[4] = 52;
    section[5] = u32::try_from(attributes.len()).expect("small");
    bytes.extend(section.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// A file with such a program.
pub fn program(machine: &Machine, cpu: u8) -> String {
    let path = machine.path("program");
    fs::write(&path, arm_program(cpu)).expect("written");
    Path::new(&path).display().to_string()
}
