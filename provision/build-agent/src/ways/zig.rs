//! Without a container: zig is compiler and linker.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::environment::{self, Environment};
use crate::problem::Problem;
use crate::run::{Hands, Step, arguments};
use crate::target::Target;
use crate::tools::debian;
use crate::tools::rust::{self, Rust};
use crate::tools::zig::{self, Zig};
use crate::ways::{Places, Way, flags};

/// Bytes that the tools take where they have to be fetched, and a build takes.
const ROOM_TOOLS: u64 = 1800 << 20;
const ROOM_BUILD: u64 = 900 << 20;

/// The prepared way.
#[derive(Debug)]
pub(crate) struct ZigWay {
    rust: Rust,
    zig: Zig,
    places: Places,
}

/// Whether this way can be gone here, without fetching anything yet.
///
/// # Errors
/// The sentence that tells what is missing.
pub(crate) fn can(places: &Places, targets: &[Target], wanted: &str) -> Result<(), Problem> {
    if Zig::unpacked(&places.tools).is_none() {
        zig::python()?;
    }
    let has_rust = || debian::unpacked(&places.tools).is_some_and(|rust| rust.can(targets, wanted));
    if has_rust() || rust::find(targets, wanted).is_some() || debian::is_here() {
        return Ok(());
    }
    Err(no_rust(targets, wanted, "this system has no apt-get"))
}

fn no_rust(targets: &[Target], wanted: &str, debian: &str) -> Problem {
    let target = targets.first().copied().unwrap_or(Target::Armv6).triple();
    Problem::NoRust { target, wanted: wanted.to_owned(), debian: debian.to_owned() }
}

impl ZigWay {
    /// Finds or fetches the tools.
    ///
    /// # Errors
    /// What is missing or could not be had.
    pub(crate) fn prepare(
        places: Places,
        targets: &[Target],
        wanted: &str,
        hands: &mut Hands<'_>,
    ) -> Result<Self, Problem> {
        can(&places, targets, wanted)?;
        let tools = &places.tools;
        let unpacked = Zig::unpacked(tools);
        let rust =
            rust::find(targets, wanted).or_else(|| debian::unpacked(tools).filter(|rust| rust.can(targets, wanted)));
        let missing = u64::from(unpacked.is_none()) + u64::from(rust.is_none());
        check_room(&places, ROOM_BUILD + missing * ROOM_TOOLS / 2)?;
        let zig = match unpacked {
            Some(zig) => zig,
            None => Zig::fetch(tools, hands)?,
        };
        let rust = match rust {
            Some(rust) => rust,
            None => {
                let unpacked = debian::unpack(tools, wanted, hands)?;
                let unpacked = unpacked.filter(|rust| rust.can(targets, wanted));
                unpacked.ok_or_else(|| no_rust(targets, wanted, "this Debian has none that is new enough"))?
            }
        };
        Ok(Self { rust, zig, places })
    }

    fn environment(&self) -> Environment {
        let mut environment = Environment::new(&[&self.rust.sysroot.join("bin")]);
        self.rust.set_libraries(&mut environment);
        flags::set(&mut environment);
        environment.set("CARGO", self.rust.cargo());
        environment.set("RUSTC", self.rust.rustc());
        environment.set("CARGO_ZIGBUILD_ZIG_PATH", &self.zig.zig);
        environment.set("CARGO_TARGET_DIR", &self.places.build);
        // zig and cargo-zigbuild keep caches in the home unless told otherwise.
        for (name, below) in [
            ("CARGO_ZIGBUILD_CACHE_DIR", "zigbuild-cache"),
            ("ZIG_GLOBAL_CACHE_DIR", "zig-cache"),
            ("ZIG_LOCAL_CACHE_DIR", "zig-cache"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            environment.set(name, self.places.build.join(below));
        }
        environment
    }

    /// `-Zbuild-std` where the target's own std is not there; std of a stable compiler wants its permission.
    fn std_arguments(&self, target: Target, environment: &mut Environment) -> Vec<OsString> {
        if self.rust.has_std(target) {
            return Vec::new();
        }
        environment.set("RUSTC_BOOTSTRAP", "1");
        arguments(["-Zbuild-std=std,panic_abort"])
    }
}

impl Way for ZigWay {
    fn name(&self) -> &'static str {
        "zig"
    }

    fn identity(&self, target: Target) -> String {
        let std = if self.rust.has_std(target) { "ready std" } else { "std from source" };
        format!("zig way 1\n{}\n{}\n{std}\n{}", self.rust.identity, Zig::identity(), flags::profile())
    }

    fn build(&self, target: Target, hands: &mut Hands<'_>) -> Result<PathBuf, Problem> {
        let mut environment = self.environment();
        let std = self.std_arguments(target, &mut environment);
        let folder = &self.places.root;
        hands.watch.stage("fetching crates");
        let mut fetch = arguments(["fetch", "--locked", "--target", target.triple()]);
        let cargo = self.rust.cargo();
        if !std.is_empty() {
            // cargo looks for std's crates too then.
            fetch.extend(std.iter().cloned());
        }
        hands.run(&Step {
            what: "fetching crates",
            program: &cargo,
            arguments: fetch,
            environment: &environment,
            folder,
        })?;
        let sources = self.rust.sysroot.join("lib/rustlib/src/rust");
        let real = std::fs::canonicalize(&sources).unwrap_or_else(|_| sources.clone());
        let top = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        // Where the tools lie inside the checkout, as they do unless `CARGO_TARGET_DIR` says otherwise, cargo names them as seen from there.
        let inside = |path: &Path| {
            let seen = path.strip_prefix(folder).or_else(|_| path.strip_prefix(&top));
            seen.unwrap_or(path).to_owned()
        };
        let (sources_inside, real_inside) = (inside(&sources), inside(&real));
        let mapped: [(&Path, &str); 6] = [
            (folder, "/td"),
            (&self.rust.sysroot, "/rust"),
            (&sources, "/rust/src"),
            (&real, "/rust/src"),
            (&sources_inside, "/rust/src"),
            (&real_inside, "/rust/src"),
        ];
        // Without it the link fails on crt1.o: rustc would bring musl's start files, and zig brings them already.
        let home = environment::cargo_home();
        environment.set("CARGO_ENCODED_RUSTFLAGS", flags::rustflags(&["-Clink-self-contained=no"], &home, &mapped));
        let what = format!("building td-agent for {}", target.name());
        hands.watch.stage(&what);
        let mut build = arguments(["zigbuild", "--release", "--locked", "--package", "td-agent"]);
        build.extend(arguments(["--target", target.triple()]));
        build.extend(std);
        build.extend(flags::arguments());
        hands.run(&Step {
            what: &what,
            program: &self.zig.zigbuild,
            arguments: build,
            environment: &environment,
            folder,
        })?;
        Ok(self.places.build.join(target.triple()).join("release/td-agent"))
    }
}

/// Refuses a build that would fill the disk half way through.
fn check_room(places: &Places, wanted: u64) -> Result<(), Problem> {
    let folder = &places.tools;
    std::fs::create_dir_all(folder).map_err(Problem::file(folder))?;
    let Ok(stat) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= wanted {
        return Ok(());
    }
    let [free, wanted] = [free, wanted].map(|bytes| bytes >> 20);
    Err(Problem::NoRoom { folder: folder.clone(), free, wanted, build: places.build.clone() })
}
