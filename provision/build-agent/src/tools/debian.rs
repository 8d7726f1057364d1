//! Debian's own Rust, unpacked into a folder: for machines that reach package registries and nothing else.
//!
//! Debian's stable suites carry a second, newer Rust for their web browsers (`rustc-web`), with std's sources. Its
//! packages exclude other Rusts, so they are downloaded with apt's lists and cache in a folder of ours and unpacked
//! there. That needs no root, and the system's packages stay as they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::rust::{Rust, is_at_least};
use super::{begin, finish, is_complete};
use crate::environment::{Environment, is_program};
use crate::problem::Problem;
use crate::run::{Hands, Step, arguments, ask};

/// Compiler, cargo, sources of std: of the browsers' Rust and of Debian's plain one.
const SETS: [[&str; 3]; 2] = [["rustc-web", "cargo-web", "rust-web-src"], ["rustc", "cargo", "rust-src"]];
/// Raised when what is unpacked changes.
const FORM: &str = "debian-rust 3";
/// Of the sources only std is needed; the compiler and its tests are several times as large.
const NOT_UNPACKED: [&str; 3] = ["./usr/src/*/compiler", "./usr/src/*/src", "./usr/src/*/tests"];

/// Whether this is a system whose packages can be had.
pub(crate) fn is_here() -> bool {
    ["apt-get", "apt-cache", "dpkg-deb"].iter().all(|name| is_program(&Path::new("/usr/bin").join(name)))
}

/// The Rust that was unpacked before.
pub(crate) fn unpacked(tools: &Path) -> Option<Rust> {
    let folder = tools.join("debian-rust");
    if is_complete(&folder, FORM) { look(&folder) } else { None }
}

fn look(folder: &Path) -> Option<Rust> {
    let libraries = std::fs::read_dir(folder.join("usr/lib")).ok()?;
    let libraries = libraries.flatten().map(|entry| entry.path());
    let libraries = libraries.filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    Rust::of(&folder.join("usr/bin/rustc"), libraries.collect())
}

/// Downloads and unpacks it. `Ok(None)` where Debian's is too old.
///
/// # Errors
/// When the packages cannot be had or unpacked.
pub(crate) fn unpack(tools: &Path, wanted: &str, hands: &mut Hands<'_>) -> Result<Option<Rust>, Problem> {
    let folder = tools.join("debian-rust");
    begin(&folder)?;
    let apt = Apt::new(tools)?;
    hands.watch.stage("fetching the lists of Debian's packages");
    let what = "fetching the lists of Debian's packages";
    let mut lists = apt.run(what, &["update"], &folder, hands);
    if matches!(lists, Err(Problem::Failed { .. })) {
        // A mirror that is just being updated, or one source of several that is gone: what counts is what was fetched.
        lists = apt.run(what, &["update"], &folder, hands);
    }
    if !matches!(lists, Err(Problem::Failed { .. })) {
        lists?;
    }
    let Some(set) = SETS.into_iter().find(|set| apt.candidate(set[0]).is_some_and(|found| is_at_least(&found, wanted)))
    else {
        return Ok(None);
    };
    apt.keep_only(&set)?;
    let what = format!("fetching Debian's {}", set.join(", "));
    hands.watch.stage(&what);
    let mut command = vec!["install", "--download-only", "--no-install-recommends", "--reinstall", "-y"];
    command.extend(set);
    let own = apt.own_libraries(&set[..2]);
    command.extend(own.iter().map(String::as_str));
    apt.run(&what, &command, &folder, hands)?;
    hands.watch.stage("unpacking Rust");
    for package in apt.packages()? {
        apt.unpack(&package, &folder, hands)?;
    }
    apt.remove()?;
    // One whose own library is missing would take an installed compiler's, and call that one's folder its own.
    let rust = look(&folder).filter(Rust::has_sources);
    if rust.is_some() {
        finish(&folder, FORM)?;
    }
    Ok(rust)
}

/// apt with lists and cache of its own, beside what is unpacked of it: packages that were fetched before an interruption, and
/// parts of them, are not fetched again.
struct Apt {
    state: PathBuf,
    environment: Environment,
}

impl Apt {
    fn new(tools: &Path) -> Result<Self, Problem> {
        let state = tools.join("debian-apt");
        for below in ["lists/partial", "cache/archives/partial"] {
            let path = state.join(below);
            std::fs::create_dir_all(&path).map_err(Problem::file(&path))?;
        }
        let mut environment = Environment::new(&[]);
        environment.set("DEBIAN_FRONTEND", "noninteractive");
        Ok(Self { state, environment })
    }

    fn options(&self) -> Vec<OsString> {
        let folder = |name: &str, below: &str| {
            let mut option = OsString::from(format!("{name}="));
            option.push(self.state.join(below));
            option
        };
        let fixed = ["Debug::NoLocking=1", "Acquire::Retries=3", "Dpkg::Use-Pty=0"];
        // As root apt would fetch as a user who may not write here.
        let user = format!("APT::Sandbox::User={}", if rustix::process::geteuid().is_root() { "root" } else { "" });
        let folders = [
            folder("Dir::State::lists", "lists"),
            folder("Dir::Cache", "cache"),
            folder("Dir::Cache::archives", "cache/archives"),
        ];
        let all = folders.into_iter().chain(arguments(fixed)).chain([user.into()]);
        all.flat_map(|option| [OsString::from("-o"), option]).collect()
    }

    fn run(&self, what: &str, command: &[&str], folder: &Path, hands: &mut Hands<'_>) -> Result<(), Problem> {
        let mut all = self.options();
        all.push("-q".into());
        all.extend(arguments(command));
        let program = Path::new("/usr/bin/apt-get");
        hands.run(&Step { what, program, arguments: all, environment: &self.environment, folder }).map(drop)
    }

    /// The version that apt would install, without epoch and Debian's own part: `1.96.0`.
    fn candidate(&self, package: &str) -> Option<String> {
        self.version(package).map(|version| upstream(&version).to_owned())
    }

    /// Packages of other versions, which an earlier run may have left, go: all that is there is unpacked.
    fn keep_only(&self, set: &[&str]) -> Result<(), Problem> {
        let wanted: Vec<String> =
            set.iter().filter_map(|name| Some(format!("{name} {}", self.version(name)?))).collect();
        let (wanted, note) = (wanted.join("\n"), self.state.join("packages-of"));
        if std::fs::read_to_string(&note).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        for package in self.packages()? {
            std::fs::remove_file(&package).map_err(Problem::file(&package))?;
        }
        std::fs::write(&note, wanted).map_err(Problem::file(&note))
    }

    fn version(&self, package: &str) -> Option<String> {
        let options = self.options();
        let mut command: Vec<&str> = options.iter().filter_map(|option| option.to_str()).collect();
        command.extend(["policy", package]);
        let said = ask(Path::new("/usr/bin/apt-cache"), &command, &self.environment)?;
        said.lines().find_map(|line| line.trim().strip_prefix("Candidate: ")).map(str::to_owned)
    }

    /// The packages with the compiler's library and std, and with those libraries that no Debian has without them. They have to
    /// be named: where they are installed apt does not download them for who depends on them, and the container that cross
    /// runs cargo in has nothing of what is installed here.
    fn own_libraries(&self, programs: &[&str]) -> Vec<String> {
        let (mut found, mut next) =
            (Vec::<String>::new(), programs.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        while !next.is_empty() {
            let options = self.options();
            let mut command: Vec<&str> = options.iter().filter_map(|option| option.to_str()).collect();
            command.push("depends");
            command.extend(next.iter().map(String::as_str));
            let said = ask(Path::new("/usr/bin/apt-cache"), &command, &self.environment).unwrap_or_default();
            next =
                libraries(&said).filter(|name| !found.iter().any(|other| other == name)).map(str::to_owned).collect();
            next.sort();
            next.dedup();
            found.extend(next.iter().cloned());
        }
        found
    }

    fn packages(&self) -> Result<Vec<PathBuf>, Problem> {
        let archives = self.state.join("cache/archives");
        let entries = std::fs::read_dir(&archives).map_err(Problem::file(&archives))?;
        let files = entries.flatten().map(|entry| entry.path());
        Ok(files.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
    }

    fn unpack(&self, package: &Path, folder: &Path, hands: &mut Hands<'_>) -> Result<(), Problem> {
        // dpkg-deb itself cannot leave files out.
        let script = format!(
            "set -e; f=$1; d=$2; shift 2; {{ dpkg-deb --fsys-tarfile \"$f\" || echo failed >\"$d/broken\"; }} | \
             tar -x -C \"$d\" --anchored --no-wildcards-match-slash {}; [ ! -e \"$d/broken\" ]",
            NOT_UNPACKED.map(|pattern| format!("'--exclude={pattern}'")).join(" ")
        );
        let mut all = arguments(["-c", &script, "unpack"]);
        all.extend([package.into(), folder.into()]);
        let (program, environment) = (Path::new("/bin/sh"), &self.environment);
        hands.run(&Step { what: "unpacking Rust", program, arguments: all, environment, folder }).map(drop)
    }

    /// The lists and archives are of no more use.
    fn remove(&self) -> Result<(), Problem> {
        std::fs::remove_dir_all(&self.state).map_err(Problem::file(&self.state))
    }
}

/// Rust's own libraries, LLVM, and libgit2 with what that alone needs. The others that rustc and cargo need are in the image of
/// cross (cross/Containerfile).
const OWN: [&str; 6] = ["libstd-rust", "libllvm", "libgit2", "libhttp-parser", "libllhttp", "libmbed"];

/// Those among the dependencies that `apt-cache depends` prints.
fn libraries(said: &str) -> impl Iterator<Item = &str> {
    let depends = said.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    depends.filter(|name| OWN.iter().any(|own| name.starts_with(own)))
}

/// `1:1.96.0+dfsg1-1~deb12u2` is `1.96.0`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    &version[..end]
}

#[cfg(test)]
mod tests {
    #[test]
    fn rusts_own_libraries_are_found_among_dependencies() {
        let said = "rustc-web\n  Depends: libc6\n  Depends: libstd-rust-web-dev\n  Depends: <libc-dev>\n    libc6-dev\n  \
                    Breaks: libstd-rust-dev\n";
        assert_eq!(super::libraries(said).collect::<Vec<_>>(), ["libstd-rust-web-dev"]);
        // Installed on some machines and in no image; the C library and curl are in the image, and are not ours to bring.
        let said = "cargo-web\n  Depends: libc6\n  Depends: libcurl4\n  Depends: libgit2-1.5\n  Depends: libmbedtls14\n  \
                    Depends: libllvm22\n";
        assert_eq!(super::libraries(said).collect::<Vec<_>>(), ["libgit2-1.5", "libmbedtls14", "libllvm22"]);
    }

    #[test]
    fn debians_versions_lose_what_is_debians() {
        assert_eq!(super::upstream("1.96.0+dfsg1-1~deb12u2"), "1.96.0");
        assert_eq!(super::upstream("1:2.0~rc1"), "2.0");
        assert_eq!(super::upstream("(none)"), "");
    }
}
