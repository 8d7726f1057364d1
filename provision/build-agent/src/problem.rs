//! Why no agent came out: each a sentence for the person who types the command, with the command that helps.

use std::io;
use std::path::{Path, PathBuf};

use crate::elf::Unfit;

/// Why a build did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error(
        "td's sources are needed to build the agent, and {0} has no Cargo.toml with a folder `agent` beside it: run this in \
         td's folder, or name that with --source"
    )]
    NoSource(PathBuf),
    #[error(
        "there is no way to build the agent here.\n\
         With cross: {cross}\n\
         With zig: {zig}"
    )]
    NoWay { cross: Box<Problem>, zig: Box<Problem> },
    #[error("cross is not installed: `cargo install cross --version {wanted} --locked` brings it", wanted = crate::ways::CROSS_VERSION)]
    NoCross,
    #[error(
        "{path} is cross {found}, and td knows how {wanted} behaves: `cargo install cross --version {wanted} --locked`",
        wanted = crate::ways::CROSS_VERSION
    )]
    OtherCross { path: PathBuf, found: String },
    #[error("cross needs rustup to find a toolchain, and there is none: bring rustup, or build with `--with zig`")]
    NoRustup,
    #[error(
        "no container engine: neither docker nor podman is installed (`sudo apt-get install podman`, or build with `--with \
         zig`)"
    )]
    NoEngine,
    #[error("{engine} does not let you in: {help}. It said: {said}")]
    EngineRefuses { engine: &'static str, help: String, said: String },
    #[error("no container engine works.\n{first}\n{second}")]
    EnginesRefuse { first: Box<Problem>, second: Box<Problem> },
    #[error("{engine} has no image {image}, which Cross.toml names: `{build}` brings it, or build with `--with zig`")]
    NoImage { engine: &'static str, image: String, build: String },
    #[error(
        "python3 cannot make a virtual environment, which zig is unpacked into: `sudo apt-get install python3-venv` ({said})"
    )]
    NoPython { said: String },
    #[error(
        "no Rust here can build for {target}: {wanted} or newer is needed, with the target's own std or with the sources of \
         std. rustup brings the first: `rustup target add {target}`. On a Debian td unpacks Debian's own into target/, but \
         {debian}"
    )]
    NoRust { target: &'static str, wanted: String, debian: String },
    #[error(
        "{what}: the registry cannot be reached. Look at the network and at http_proxy; what was fetched whole is kept, so \
         the same command goes on from here. The log is {log}:\n{tail}"
    )]
    NoNetwork { what: String, log: PathBuf, tail: String },
    #[error(
        "{folder} has {free} MB free, and {wanted} MB are needed: make room (`rm -r {build}` removes what earlier builds left)"
    )]
    NoRoom { folder: PathBuf, free: u64, wanted: u64, build: PathBuf },
    #[error("the disk is full: make room in {folder} and run the same command again. The log is {log}")]
    DiskFull { folder: PathBuf, log: PathBuf },
    #[error(
        "{what}: too few files may be open at once for zig (1024 are): raise the limit (`ulimit -n 16384`; for a \
         container `default_ulimits` in containers.conf, or docker's `default-ulimits`). The log is {log}"
    )]
    FewFiles { what: String, log: PathBuf },
    #[error("{what} failed. The log is {log}:\n{tail}")]
    Failed { what: String, log: PathBuf, tail: String },
    #[error("what was built for {target} does not do: {why}. It is kept as {path}")]
    Unfit { target: &'static str, path: PathBuf, why: Unfit },
    #[error("{path} is no agent for {target}: {why}")]
    NotPrebuilt { target: &'static str, path: PathBuf, why: Unfit },
    #[error("{folder} has no agent for {target}: looked for {looked_for}")]
    NoPrebuilt { target: &'static str, folder: PathBuf, looked_for: String },
    #[error("cannot start {program}: {source}")]
    DoesNotStart { program: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

impl Problem {
    /// td's exit codes: 1 failed, 2 refused before anything was done, 130 interrupted.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoSource(_)
            | Self::NoWay { .. }
            | Self::NoCross
            | Self::OtherCross { .. }
            | Self::NoRustup
            | Self::NoEngine
            | Self::EngineRefuses { .. }
            | Self::EnginesRefuse { .. }
            | Self::NoImage { .. }
            | Self::NoPython { .. }
            | Self::NoRust { .. }
            | Self::NoRoom { .. }
            | Self::NotPrebuilt { .. }
            | Self::NoPrebuilt { .. } => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }

    /// One more engine that does not answer.
    pub(crate) fn and_engine(self, other: Self) -> Self {
        match self {
            Self::NoEngine => other,
            first => Self::EnginesRefuse { first: Box::new(first), second: Box::new(other) },
        }
    }

    /// Names the file of an I/O error.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

/// What a tool's messages say about why it failed.
pub(crate) fn of_log(what: &str, folder: &Path, log: &Path, said: &str) -> Problem {
    const FULL: [&str; 2] = ["No space left on device", "NoSpaceLeft"];
    const UNREACHABLE: [&str; 9] = [
        "Could not resolve host",
        "Could not resolve '",
        "Temporary failure in name resolution",
        "Temporary failure resolving",
        "Name or service not known",
        "failed to download from",
        "Failed to establish a new connection",
        "Could not connect to",
        "network is unreachable",
    ];
    let said = without_afterthought(said);
    let has = |words: &[&str]| {
        let said = said.to_lowercase();
        words.iter().any(|word| said.contains(&word.to_lowercase()))
    };
    let (what, log) = (what.to_owned(), log.to_owned());
    if has(&FULL) {
        Problem::DiskFull { folder: folder.to_owned(), log }
    } else if has(&["ProcessFdQuotaExceeded"]) {
        Problem::FewFiles { what, log }
    } else if has(&UNREACHABLE) {
        Problem::NoNetwork { what, log, tail: tail(said, 6) }
    } else {
        Problem::Failed { what, log, tail: tail(said, 25) }
    }
}

/// Without what cross 0.2.5 says after a build that failed: it asks rustup for a list that a linked toolchain has none of, and takes
/// that for an error of its own.
fn without_afterthought(said: &str) -> &str {
    let Some(asked) = said.find("`rustup component list --toolchain ") else { return said };
    said.get(..asked).and_then(|before| Some(&before[..before.rfind("Error:")?])).unwrap_or(said)
}

/// The last lines of a text.
fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_tell_why() {
        let of = |said: &str| of_log("fetching zig", Path::new("target"), Path::new("log"), said);
        assert!(matches!(of("ld: write: No space left on device"), Problem::DiskFull { .. }));
        assert!(matches!(of("failed to spawn zig clang: ProcessFdQuotaExceeded"), Problem::FewFiles { .. }));
        assert!(matches!(of("warning: spurious network error: Could not resolve host: x"), Problem::NoNetwork { .. }));
        let Problem::Failed { tail, .. } = of(&format!("{}\nerror[E0308]", "line\n".repeat(80))) else { panic!() };
        assert_eq!((tail.lines().count(), tail.lines().last()), (25, Some("error[E0308]")));
    }

    #[test]
    fn the_last_line_is_of_the_build_and_not_of_cross() {
        let said = "error: could not compile `td-agent`\nError: \n   0: `rustup component list --toolchain usr` failed with exit \
                    status: 1\n\nStderr:\n   error: invalid toolchain name: 'usr'\n";
        let problem = of_log("building", Path::new("target"), Path::new("log"), said);
        let Problem::Failed { tail, .. } = problem else { panic!("{problem}") };
        assert_eq!(tail, "error: could not compile `td-agent`");
        // An error of cross alone is all there is.
        let said = "Error: \n   0: could not run container";
        assert_eq!(without_afterthought(said), said);
    }

    /// One sentence each, with what to type or to do, and the exit code of what was refused before anything was done.
    #[test]
    fn each_problem_says_what_helps() {
        let why = || "it is for another machine".to_owned();
        let no_rust = || Problem::NoRust {
            target: "arm-unknown-linux-musleabihf",
            wanted: "1.89".to_owned(),
            debian: "this system has no apt-get".to_owned(),
        };
        let no_python = || Problem::NoPython { said: "No module named ensurepip".to_owned() };
        let engine = |help: &str| Problem::EngineRefuses { engine: "docker", help: help.to_owned(), said: why() };
        let room =
            Problem::NoRoom { folder: "target".into(), free: 10, wanted: 2700, build: "target/agents/build".into() };
        let cases: [(Problem, u8, &[&str]); 10] = [
            (Problem::NoSource("/tmp".into()), 2, &["--source", "/tmp"]),
            (Problem::NoCross, 2, &["`cargo install cross --version 0.2.5 --locked`"]),
            (Problem::NoRustup, 2, &["--with zig"]),
            (Problem::NoEngine, 2, &["`sudo apt-get install podman", "--with zig"]),
            (engine("`sudo systemctl start docker` starts it"), 2, &["docker does not let you in", "systemctl"]),
            (no_python(), 2, &["`sudo apt-get install python3-venv`", "ensurepip"]),
            // Too old, or without the target: one sentence, since rustup mends both.
            (no_rust(), 2, &["1.89 or newer", "`rustup target add arm-unknown-linux-musleabihf`", "no apt-get"]),
            (room, 2, &["10 MB free", "2700 MB", "`rm -r target/agents/build`"]),
            (
                Problem::NoWay { cross: Box::new(Problem::NoCross), zig: Box::new(no_rust()) },
                2,
                &["With cross: ", "With zig: ", "cargo install cross", "rustup target add"],
            ),
            (Problem::Interrupted, 130, &["the same command goes on from here"]),
        ];
        for (problem, code, words) in cases {
            let text = problem.to_string();
            assert_eq!(problem.exit_code(), code, "{text}");
            for word in words {
                assert!(text.contains(word), "lacks {word:?}: {text}");
            }
        }
    }
}
