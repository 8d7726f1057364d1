//! With cross: compiler and linker come from a container image, the toolchain from this machine.
//!
//! cross 0.2.5 misreads the toolchain list of newer rustups, takes the toolchain for missing, and makes rustup download
//! one over the one in use. So it never sees the user's rustup here: it gets a rustup home of its own in which the
//! toolchain is linked (not copied), and addresses at which nothing listens.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::environment::{Environment, programs};
use crate::problem::Problem;
use crate::run::{Hands, Step, arguments};
use crate::source::Source;
use crate::target::Target;
use crate::tools::debian;
use crate::tools::rust::{self, Rust};
use crate::ways::engine::{self, ContainerId, Engine};
use crate::ways::{CROSS_VERSION, Places, Way, flags};

/// What was found on this machine; nothing has been fetched.
#[derive(Debug)]
pub(crate) struct Found {
    cross: PathBuf,
    rustup: PathBuf,
    engine: Engine,
    /// Each target's image and its hash.
    images: Vec<(Target, String, String)>,
}

/// The prepared way.
#[derive(Debug)]
pub(crate) struct CrossWay {
    found: Found,
    rust: Rust,
    places: Places,
}

/// Looks for cross, rustup, an engine that answers, and the images of Cross.toml.
///
/// # Errors
/// The first that is missing, with the command that brings it.
pub(crate) fn look(source: &Source, targets: &[Target]) -> Result<Found, Problem> {
    let cross = programs("cross").into_iter().next().ok_or(Problem::NoCross)?;
    let found = version(&cross);
    if found != CROSS_VERSION {
        return Err(Problem::OtherCross { path: cross, found });
    }
    let rustup = programs("rustup").into_iter().next().ok_or(Problem::NoRustup)?;
    let engine = engine::find()?;
    let mut images = Vec::new();
    for &target in targets {
        let image = image(source, target)?;
        let id = engine.image_id(&image).ok_or_else(|| Problem::NoImage {
            engine: engine.name,
            image: image.clone(),
            build: bring(&engine, &image, source.root()),
        })?;
        images.push((target, image, id));
    }
    Ok(Found { cross, rustup, engine, images })
}

/// The command that makes an image of this repository's own, or fetches another.
fn bring(engine: &Engine, image: &str, root: &Path) -> String {
    let engine = engine.name;
    if !image.starts_with("localhost/") {
        return format!("{engine} pull {image}");
    }
    let folder = root.join("cross");
    format!("{engine} build -t {image} -f {0}/Containerfile {0}", folder.display())
}

/// The version that cross prints. Before that it asks `rustc` for its targets, so it gets one that knows a single target:
/// the user's could be rustup's shim, and which toolchain td will take is not known yet.
fn version(cross: &Path) -> String {
    let stub = tempfile::tempdir();
    let first: Vec<&Path> = stub.iter().map(tempfile::TempDir::path).collect();
    for folder in &first {
        let _ = write_stub(&folder.join("rustc"));
    }
    let mut environment = Environment::new(&first);
    environment.set("RUSTUP_HOME", "/nonexistent");
    let output = Command::new(cross)
        .arg("--version")
        .env_clear()
        .envs(environment.variables().iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .output();
    let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said.lines().find_map(|line| line.trim().strip_prefix("cross "));
    // All of it: one that was built from a checkout says its commit behind the number, and is another one.
    version.map(str::trim).filter(|version| !version.is_empty()).unwrap_or("without a version").to_owned()
}

fn write_stub(rustc: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(rustc, "#!/bin/sh\necho x86_64-unknown-linux-gnu\n")?;
    std::fs::set_permissions(rustc, std::fs::Permissions::from_mode(0o755))
}

/// The image that Cross.toml names for the target.
fn image(source: &Source, target: Target) -> Result<String, Problem> {
    let path = source.root().join("Cross.toml");
    let text = std::fs::read_to_string(&path).map_err(Problem::file(&path))?;
    image_of(&text, target).ok_or_else(|| Problem::File {
        path,
        source: std::io::Error::other(format!("no image for [target.{}]", target.triple())),
    })
}

/// Cross.toml is a file of this repository and has one form: `image = "..."` below the target's heading.
fn image_of(text: &str, target: Target) -> Option<String> {
    let heading = format!("[target.{}]", target.triple());
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != heading).skip(1);
    let line = lines.by_ref().take_while(|line| !line.starts_with('[')).find(|line| line.starts_with("image"))?;
    line.split('"').nth(1).map(str::to_owned)
}

impl CrossWay {
    /// Finds or fetches the toolchain, and links it for cross.
    ///
    /// # Errors
    /// What is missing or could not be had.
    pub(crate) fn prepare(
        found: Found,
        places: Places,
        targets: &[Target],
        wanted: &str,
        hands: &mut Hands<'_>,
    ) -> Result<Self, Problem> {
        let tools = &places.tools;
        let here =
            rust::find(targets, wanted).or_else(|| debian::unpacked(tools).filter(|rust| rust.can(targets, wanted)));
        let rust = match here {
            Some(rust) => Some(rust),
            None if debian::is_here() => debian::unpack(tools, wanted, hands)?,
            None => None,
        };
        let rust = rust.filter(|rust| rust.can(targets, wanted)).ok_or_else(|| Problem::NoRust {
            target: targets.first().copied().unwrap_or(Target::Armv6).triple(),
            wanted: wanted.to_owned(),
            debian: "it has none that is new enough here".to_owned(),
        })?;
        let way = Self { found, rust, places };
        way.link()?;
        Ok(way)
    }

    /// rustup's home of our own, in which the toolchain is a link, under the name that cross makes up for it: that of the
    /// folder it lies in. Put there without rustup, which keeps some names for itself. It must not be the default or the active
    /// one: that is a remark behind the name in rustup's list, which cross takes for a part of the name.
    fn link(&self) -> Result<(), Problem> {
        let toolchains = self.rustup_home().join("toolchains");
        // What an earlier build with another toolchain left.
        let _ = std::fs::remove_dir_all(&toolchains);
        std::fs::create_dir_all(&toolchains).map_err(Problem::file(&toolchains))?;
        let name = self.rust.sysroot.file_name().unwrap_or_else(|| "rust".as_ref());
        let link = toolchains.join(name);
        std::os::unix::fs::symlink(&self.rust.sysroot, &link).map_err(Problem::file(&link))
    }

    /// Brings the crates, std's too, into cargo's folder, which the container sees.
    fn fetch(&self, target: Target, environment: &Environment, hands: &mut Hands<'_>) -> Result<(), Problem> {
        let what = "fetching crates";
        hands.watch.stage(what);
        let mut fetch = arguments(["fetch", "--locked", "--target", target.triple()]);
        if !self.rust.has_std(target) {
            fetch.extend(arguments(["-Zbuild-std=std,panic_abort"]));
        }
        let (program, folder) = (self.rust.cargo(), self.places.root.as_path());
        hands.run(&Step { what, program: &program, arguments: fetch, environment, folder }).map(drop)
    }

    fn rustup_home(&self) -> PathBuf {
        self.places.tools.join("rustup-home")
    }

    fn environment(&self) -> Environment {
        let rustup = self.found.rustup.parent().unwrap_or(Path::new("/usr/bin"));
        let engine = self.found.engine.program.parent().unwrap_or(Path::new("/usr/bin"));
        // The toolchain before rustup's shims: the shims would be asked for the version otherwise.
        let mut environment = Environment::new(&[&self.rust.sysroot.join("bin"), rustup, engine]);
        self.rust.set_libraries(&mut environment);
        flags::set(&mut environment);
        environment.set("RUSTUP_HOME", self.rustup_home());
        environment.set("CROSS_CUSTOM_TOOLCHAIN", "1");
        // cross makes this folder, in the home unless told otherwise.
        environment.set("XARGO_HOME", self.places.tools.join("xargo"));
        environment.set("CROSS_CONTAINER_ENGINE", &self.found.engine.program);
        environment
            .set("CROSS_ROOTLESS_CONTAINER_ENGINE", if self.found.engine.rootless_docker { "1" } else { "auto" });
        environment.set("CARGO_TARGET_DIR", self.places.build.join("cross"));
        environment
    }
}

impl Way for CrossWay {
    fn name(&self) -> &'static str {
        "cross"
    }

    fn identity(&self, target: Target) -> String {
        let image = self.found.images.iter().find(|(other, _, _)| *other == target);
        let image = image.map_or("", |(_, _, id)| id);
        format!("cross way 2\n{CROSS_VERSION}\n{}\n{image}\n{}", self.rust.identity, flags::profile())
    }

    fn build(&self, target: Target, hands: &mut Hands<'_>) -> Result<PathBuf, Problem> {
        let mut environment = self.environment();
        if !self.rust.has_std(target) {
            environment.set("RUSTC_BOOTSTRAP", "1");
            environment.set("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        }
        self.fetch(target, &environment, hands)?;
        // In the container the toolchain lies at /rust and cargo's folder at /cargo.
        let mapped: [(&Path, &str); 2] = [(&self.places.root, "/td"), (Path::new("/project"), "/td")];
        let rustflags = flags::rustflags(&["-Clink-self-contained=no"], Path::new("/cargo"), &mapped);
        environment.set("CARGO_ENCODED_RUSTFLAGS", rustflags);
        // All is here now, and the container need not know this machine's way to the registries.
        environment.set("CARGO_NET_OFFLINE", "true");
        let what = format!("building td-agent for {} with cross and {}", target.name(), self.found.engine.name);
        hands.watch.stage(&what);
        let mut build: Vec<OsString> =
            arguments(["build", "--release", "--locked", "--package", "td-agent", "--target", target.triple()]);
        build.extend(flags::arguments());
        let container = ContainerId::new(self.places.tools.join("container"))?;
        environment.set("CROSS_CONTAINER_OPTS", container.option());
        let built = hands.run(&Step {
            what: &what,
            program: &self.found.cross,
            arguments: build,
            environment: &environment,
            folder: &self.places.root,
        });
        if matches!(built, Err(Problem::Interrupted)) {
            container.end(&self.found.engine);
        }
        built?;
        Ok(self.places.build.join("cross").join(target.triple()).join("release/td-agent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_targets_own() {
        let text =
            "[target.arm-unknown-linux-musleabihf]\nimage = \"a:1\"\n\n[target.x86_64-unknown-linux-musl]\n# none\n";
        assert_eq!(image_of(text, Target::Armv6).as_deref(), Some("a:1"));
        assert_eq!(image_of(text, Target::X86_64), None);
        assert_eq!(image_of(text, Target::Arm64), None);
    }
}
