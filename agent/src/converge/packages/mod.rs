//! Debian packages.

pub mod apt;
pub mod locks;
pub mod said;
pub mod status;
pub mod word_size;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use td_protocol::converge::event::{Diff, PackageChange, Step};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::Packages;

use self::apt::{Apt, GivenUp};
use self::said::Trouble;
use super::child;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace;
use super::report::Teller;

pub const STATUS: &str = "/var/lib/dpkg/status";
const LISTS: &str = "/var/lib/apt/lists";
/// Lists older than this are updated before anything is installed: archives drop old versions.
const LISTS_AGE: Duration = Duration::from_secs(24 * 3600);
/// Free room without which nothing is begun, bytes; apt itself checks the rest.
const ROOM: u64 = 32 << 20;
/// What may go when something else takes its place: only one program can keep the clock.
const REPLACEABLE: [&str; 4] = ["systemd-timesyncd", "ntp", "ntpsec", "openntpd"];
/// dpkg runs maintainers' programs: an initramfs takes a Pi 1 many minutes.
const CONFIGURE_DEADLINE: Duration = Duration::from_secs(3600);

/// What is installed of what is wanted.
struct Found {
    /// Names as apt and dpkg have them.
    wanted: Vec<String>,
    missing: Vec<String>,
    /// The architecture that dpkg has yet to be told of, and those it knows.
    new_architecture: Option<(&'static str, Vec<String>)>,
    /// A POV-Ray of another architecture, which has to make way.
    in_the_way: Option<String>,
    /// Versions of the missing ones that dpkg still knows, as of removed ones' settings.
    half: Vec<(String, String)>,
    versions: Vec<(String, String)>,
}

fn find(packages: &Packages, node: &Node) -> Result<Found, Failure> {
    let path = node.path(STATUS);
    let named: BTreeSet<&str> = packages.names.iter().map(String::as_str).collect();
    let is_asked = |name: &str| named.contains(name) || name == "dpkg" || word_size::is_povray(name);
    let there = status::read(&path, &is_asked);
    let there = match there {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::new(format!(
                "{STATUS} is not there: td installs packages on Debian and its kin only"
            )));
        }
        there => there.map_err(|error| Failure::io("cannot read", &path, &error))?,
    };
    let native = there.get("dpkg").map_or("", |dpkg| dpkg.architecture.as_str());
    let names = word_size::names(packages, native)?;
    let wanted: BTreeSet<&str> = names.all.iter().map(String::as_str).collect();
    let installed = |name: &str| there.get(name).is_some_and(status::Package::is_installed);
    let missing: Vec<String> = wanted.iter().filter(|name| !installed(name)).map(|name| (*name).to_owned()).collect();
    let new_architecture = names.foreign.filter(|_| !missing.is_empty()).and_then(|foreign| {
        let known = word_size::known(node);
        let known = if known.is_empty() { vec![native.to_owned()] } else { known };
        (!known.iter().any(|one| one == foreign)).then_some((foreign, known))
    });
    let is_in_the_way = |name: &String| word_size::is_povray(name) && !wanted.contains(name.as_str());
    let in_the_way = there.iter().find(|(name, package)| is_in_the_way(name) && package.is_installed());
    let in_the_way =
        in_the_way.map(|(name, _)| name.clone()).filter(|_| missing.iter().any(|m| word_size::is_povray(m)));
    let half = there.iter().filter(|(_, package)| package.is_half());
    let half = half.map(|(name, package)| (name.clone(), package.state.clone())).collect();
    let versions = there.iter().filter(|(_, package)| package.is_installed());
    let versions = versions.map(|(name, package)| (name.clone(), package.version.clone())).collect();
    let wanted = names.all;
    Ok(Found { wanted, missing, new_architecture, in_the_way, half, versions })
}

/// Whether dpkg was cut off in the middle: it keeps what it had not yet written to its status there.
fn has_updates(node: &Node) -> bool {
    let entries = std::fs::read_dir(node.path("/var/lib/dpkg/updates")).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .any(|name| name.bytes().all(|b| b.is_ascii_digit()))
}

impl Converge for Packages {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let found = find(self, node)?;
        let mut check = Check::default();
        if found.missing.is_empty() {
            check.message = format!("{} packages are installed", self.names.len());
            if !found.half.is_empty() {
                check.notes.push(format!(
                    "dpkg left {} half done: `dpkg --configure -a` mends that, td installs nothing and leaves it",
                    names(found.half.iter().map(|(name, _)| name.as_str()))
                ));
            }
            return Ok(check);
        }
        for (name, state) in &found.half {
            check.diffs.push(diff::value(
                format!("dpkg's state of {name}"),
                Some(state.clone()),
                Some("installed".to_owned()),
            ));
        }
        if has_updates(node) {
            check.diffs.push(diff::value("dpkg's state", Some("cut off".to_owned()), Some("mended".to_owned())));
        }
        let half = |name: &str| found.half.iter().any(|(half, _)| half == name);
        if let Some((new, known)) = &found.new_architecture {
            let after = known.iter().map(String::as_str).chain([*new]);
            check.diffs.push(diff::value("dpkg's architectures", Some(known.join(", ")), Some(names(after))));
        }
        let absent: Vec<String> = found.missing.iter().filter(|name| !half(name)).cloned().collect();
        if !absent.is_empty() {
            let packages = simulate(self, node, &found, &absent, &mut check.notes)?;
            check.diffs.push(Diff::Packages { packages });
        }
        check.message = format!("to install: {}", names(found.missing.iter().map(String::as_str)));
        Ok(check)
    }

    fn converge(&self, node: &Node, check: &Check) -> Result<Made, Failure> {
        let apt = Apt { packages: self, stop: node.stop };
        let mut progress = node.report.progress(Kind::Packages, "apt");
        for folder in ["/var/cache/apt", "/usr", "/var/lib/dpkg"] {
            replace::check_writable(&node.path(folder))?;
            replace::check_room(&node.path(folder), ROOM)?;
        }
        apt.wait_for_locks(&mut progress)?;
        let mended = mend(self, node, &mut progress)?;
        let before = find(self, node)?;
        if before.missing.is_empty() {
            return Ok(format!(
                "dpkg had left {} half done, and it is mended",
                names(mended.iter().map(String::as_str))
            )
            .into());
        }
        let mut lists = Lists { updated: false, unreachable: None };
        if let Some((architecture, _)) = &before.new_architecture {
            let mut command = child::command("dpkg");
            node.run(command.args(["--add-architecture", architecture]), CONFIGURE_DEADLINE)?;
        }
        if before.new_architecture.is_some() || lists_are_old(node) {
            lists.update(&apt, &mut progress)?;
        }
        if before.in_the_way.is_some() {
            // The lists may be new, and nothing but that one POV-Ray may go.
            simulate(self, node, &before, &before.missing, &mut Vec::new())?;
        }
        loop {
            match install(&apt, &before, &mut progress)? {
                None => break,
                // The archive's files moved on since the lists were fetched, or the lists are of another time.
                Some(trouble)
                    if !lists.updated && matches!(trouble, Trouble::NoCandidate(_) | Trouble::Unreachable(_)) =>
                {
                    lists.update(&apt, &mut progress)?;
                }
                Some(trouble) => return Err(explain(node, trouble, &lists)),
            }
        }
        let after = find(self, node)?;
        if !after.missing.is_empty() {
            let missing = names(after.missing.iter().map(String::as_str));
            return Err(Failure::new(format!(
                "apt-get ended well, and {missing} is still not installed: see /var/log/dpkg.log"
            )));
        }
        let version = |name: &str| {
            let found = after.versions.iter().find(|(there, _)| there == name);
            found.map(|(_, version)| version.clone())
        };
        let named = |name: &String| format!("{name} {}", version(name).unwrap_or_default());
        let done: Vec<String> = before.missing.iter().map(named).collect();
        let note = lists.unreachable.map(|said| format!(" ({said})")).unwrap_or_default();
        // What the plan could not know without lists is known now.
        let mut diffs = check.diffs.clone();
        for diff in &mut diffs {
            if let Diff::Packages { packages } = diff {
                for package in packages.iter_mut().filter(|package| package.new.is_none()) {
                    package.new = version(&package.name);
                }
            }
        }
        Ok(Made { message: format!("installed: {}{note}", done.join(", ")), diffs: Some(diffs) })
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        if !node.state.remove_packages {
            return Ok(Removed::nothing("packages stay"));
        }
        let found = find(self, node)?;
        let there: Vec<&(String, String)> =
            found.versions.iter().filter(|(name, _)| found.wanted.contains(name)).collect();
        if there.is_empty() {
            return Ok(Removed::nothing("none of them is installed"));
        }
        let apt = Apt { packages: self, stop: node.stop };
        let mut progress = node.report.progress(Kind::Packages, "apt");
        apt.wait_for_locks(&mut progress)?;
        let mut command = apt.command();
        command.args(["-y", "remove"]).args(there.iter().map(|(name, _)| name));
        match apt.run(command, Step::Installing, &mut progress) {
            Ok(call) if call.good => {}
            Ok(call) => return Err(explain(node, said::trouble(&call.output), &Lists::default())),
            Err(given_up) => return Err(given_up.into()),
        }
        let change = |(name, version): &&(String, String)| PackageChange {
            name: name.clone(),
            old: Some(version.clone()),
            new: None,
        };
        let diffs = vec![Diff::Packages { packages: there.iter().map(change).collect() }];
        Ok(Removed::did(diffs, format!("removed: {}", names(there.iter().map(|(name, _)| name.as_str())))))
    }
}

/// Finishes what dpkg left half done. Says what that was.
fn mend(packages: &Packages, node: &Node, progress: &mut Teller<'_>) -> Result<Vec<String>, Failure> {
    let found = find(packages, node)?;
    if found.half.is_empty() && !has_updates(node) {
        return Ok(Vec::new());
    }
    let half: Vec<String> = found.half.iter().map(|(name, _)| name.clone()).collect();
    let what =
        if half.is_empty() { String::new() } else { format!(", for {}", names(half.iter().map(String::as_str))) };
    let doing = format!("dpkg was cut off earlier: dpkg --configure -a{what}");
    progress.tell(Step::Installing, doing.as_str(), None);
    let mut command = child::command("dpkg");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--force-confdef", "--force-confold", "--configure", "-a"]);
    let configured = configure(node, &mut command, &doing, progress);
    let left = find(packages, node)?.half;
    if left.is_empty() && !has_updates(node) {
        return Ok(half);
    }
    // What was only unpacked may need another package, or to be fetched again.
    let apt = Apt { packages, stop: node.stop };
    let mut command = apt.command();
    command.args(["-y", "--fix-broken", "install"]);
    let fixed = apt.run(command, Step::Installing, progress);
    let left = find(packages, node)?.half;
    if left.is_empty() {
        return Ok(half);
    }
    let said = match (configured, fixed) {
        (Err(failure), _) => failure.0,
        (_, Ok(call)) => child::last_lines(&call.output, 3),
        (_, Err(given_up)) => Failure::from(given_up).0,
    };
    Err(Failure::new(format!(
        "dpkg left {} half done before, and neither `dpkg --configure -a` nor `apt-get --fix-broken install` mends it: {said}",
        names(left.iter().map(|(name, _)| name.as_str()))
    )))
}

/// Runs dpkg, and tells again and again that it runs: a Pi 1 configures for many minutes without a word, and a master that
/// hears nothing takes the node for dead.
fn configure(node: &Node, command: &mut Command, doing: &str, progress: &mut Teller<'_>) -> Result<(), Failure> {
    if !node.is_alive() {
        return Ok(());
    }
    let watch = |after: Duration| progress.tell(Step::Installing, format!("{doing} ({} s)", after.as_secs()), None);
    let ended = child::run_watched(command, CONFIGURE_DEADLINE, watch)?;
    child::went_well(command, &ended)
}

/// Installs; what stood in the way, if anything.
fn install(apt: &Apt<'_>, found: &Found, progress: &mut Teller<'_>) -> Result<Option<Trouble>, Failure> {
    let missing = &found.missing;
    let mut tries = 0;
    loop {
        let mut command = apt.command();
        command.arg("-y");
        // No package of the user's goes. With chrony, the other keeper of the clock has to; with POV-Ray of another word size,
        // the one that is there.
        if found.in_the_way.is_none() && !missing.iter().any(|name| name == "chrony") {
            command.arg("--no-remove");
        }
        command.arg("install").args(missing);
        let trouble = match apt.run(command, Step::Downloading, progress) {
            Ok(call) if call.good => return Ok(None),
            Ok(call) => said::trouble(&call.output),
            Err(GivenUp::Stalled(after)) if tries < apt.packages.retries => {
                tries += 1;
                let (tries, of) = (tries, apt.packages.retries);
                let message = format!("nothing moved for {} s: try {tries} of {of} again", after.as_secs());
                progress.tell(Step::Retrying, message, None);
                continue;
            }
            Err(given_up) => return Err(given_up.into()),
        };
        match trouble {
            Trouble::Locked => apt.wait_for_locks(progress)?,
            trouble if trouble.may_pass() && tries < apt.packages.retries => {}
            trouble => return Ok(Some(trouble)),
        }
        tries += 1;
        if tries > apt.packages.retries {
            return Ok(Some(Trouble::Locked));
        }
        progress.tell(Step::Retrying, format!("try {tries} of {} again", apt.packages.retries), None);
        std::thread::sleep(Duration::from_secs(u64::from(tries.min(5))));
    }
}

/// apt's lists during one call.
#[derive(Debug, Default)]
struct Lists {
    updated: bool,
    /// Which archives could not be reached, as a sentence.
    unreachable: Option<String>,
}

impl Lists {
    /// Updates them. Archives that cannot be reached are noted: the packages may be in others.
    fn update(&mut self, apt: &Apt<'_>, progress: &mut Teller<'_>) -> Result<(), Failure> {
        self.updated = true;
        let mut tries = 0;
        loop {
            let mut command = apt.command();
            command.arg("update");
            let (trouble, said) = match apt.run(command, Step::UpdatingLists, progress) {
                Ok(call) => {
                    // apt-get update ends well even where it reached nothing.
                    let failed = said::unreachable(&call.output);
                    if call.good && failed.is_empty() {
                        return Ok(());
                    }
                    let trouble = said::trouble(&call.output);
                    let said = sentence(&trouble);
                    (Some(trouble), said)
                }
                Err(GivenUp::Stalled(after)) => {
                    (None, format!("apt-get update did not move for {} s and was stopped", after.as_secs()))
                }
                Err(given_up) => return Err(given_up.into()),
            };
            if trouble == Some(Trouble::Locked) {
                apt.wait_for_locks(progress)?;
            }
            self.unreachable = Some(said.clone());
            let lasting = trouble.as_ref().is_some_and(|trouble| !trouble.may_pass() && *trouble != Trouble::Locked);
            if lasting || tries >= apt.packages.retries {
                return Ok(());
            }
            tries += 1;
            progress.tell(Step::Retrying, format!("{said}: try {tries} of {} again", apt.packages.retries), None);
            std::thread::sleep(Duration::from_secs(u64::from(tries.min(5))));
        }
    }
}

/// What apt would do with the lists that are there. On a fresh node there are none, and only the names are known.
fn simulate(
    wanted: &Packages,
    node: &Node,
    found: &Found,
    absent: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<PackageChange>, Failure> {
    let unknown = || absent.iter().map(|name| PackageChange { name: name.clone(), old: None, new: None }).collect();
    // An architecture that dpkg does not know yet has no packages in the lists.
    let without_lists =
        found.new_architecture.as_ref().is_some_and(|(new, _)| !word_size::known(node).iter().any(|one| one == new));
    if !node.is_alive() || !has_lists(node) || without_lists {
        notes.push("the versions are known when apt's lists are updated".to_owned());
        return Ok(unknown());
    }
    let apt = Apt { packages: wanted, stop: node.stop };
    let mut command = apt.command();
    command.args(["--simulate", "--no-install-recommends", "install"]).args(absent);
    let ended = child::run(&mut command, Duration::from_secs(300))?;
    if !ended.status.success() {
        // The lists may be old. What does not go away with new ones, the apply tells.
        notes.push(format!("with apt's lists as they are: {}", sentence(&said::trouble(&ended.output))));
        return Ok(unknown());
    }
    let steps = said::steps(&ended.output);
    let lost: Vec<&str> = steps.iter().filter(|step| step.new.is_none()).map(|step| step.name.as_str()).collect();
    let may_go = |lost: &str| REPLACEABLE.contains(&lost) || found.in_the_way.as_deref() == Some(lost);
    if let Some(lost) = lost.iter().find(|lost| !may_go(lost)) {
        return Err(Failure::new(format!(
            "to install {} apt would remove {lost}: td removes nothing of yours; decide which of them this node needs",
            names(absent.iter().map(String::as_str))
        )));
    }
    let change = |step: said::Step| PackageChange { name: step.name, old: step.old, new: step.new };
    Ok(steps.into_iter().map(change).collect())
}

/// A sentence for the node's keeper.
fn explain(node: &Node, trouble: Trouble, lists: &Lists) -> Failure {
    let Trouble::NoCandidate(missing) = &trouble else {
        let mut said = sentence(&trouble);
        // What the resolver cannot do it may be able to do with lists that are whole.
        if let (Trouble::Other(_), Some(unreachable)) = (&trouble, &lists.unreachable) {
            said.push_str(&format!("; {unreachable}"));
        }
        return Failure::new(said);
    };
    let os = super::facts::os(node);
    let mut said = format!(
        "{} is in none of the archives that this node's apt knows, for {}",
        names(missing.iter().map(String::as_str)),
        os.name
    );
    match &lists.unreachable {
        Some(unreachable) => said.push_str(&format!("; {unreachable}")),
        None => said.push_str(
            "; look into /etc/apt/sources.list and /etc/apt/sources.list.d: Debian and Raspberry Pi OS have POV-Ray 3.7 \
             and ImageMagick in `main`",
        ),
    }
    Failure::new(said)
}

fn sentence(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Locked => "another apt or dpkg held the lock each time: apply again later".to_owned(),
        Trouble::Unreachable(archives) => {
            let each: Vec<String> =
                archives.iter().map(|(archive, why)| format!("{archive} ({})", why.trim_end_matches('.'))).collect();
            format!(
                "apt does not reach {}: check the network and the proxy; an archive that is gone for good has to be \
                 replaced by its keeper in /etc/apt/sources.list or sources.list.d",
                each.join(", ")
            )
        }
        Trouble::NoCandidate(missing) => {
            format!("{} is in none of the archives that apt knows", names(missing.iter().map(String::as_str)))
        }
        Trouble::Interrupted => "dpkg was interrupted earlier: `dpkg --configure -a`".to_owned(),
        Trouble::NoRoom => "the disk is full: make room (`apt-get clean`, `journalctl --vacuum-size=16M`)".to_owned(),
        Trouble::ReadOnly => {
            "the root file system is mounted read-only: see `dmesg` for an error of the card".to_owned()
        }
        Trouble::Untrusted(said) => format!("{said}: is this node's clock right (`date`)?"),
        Trouble::Other(said) => format!("apt-get: {said}"),
    }
}

impl From<GivenUp> for Failure {
    fn from(given_up: GivenUp) -> Self {
        match given_up {
            GivenUp::Stalled(after) => Self::new(format!(
                "apt-get did not move for {} s, several times: is the archive or the proxy well?",
                after.as_secs()
            )),
            GivenUp::Stopped => Self::new("stopped before anything was installed"),
            GivenUp::Failed(failure) => failure,
        }
    }
}

fn has_lists(node: &Node) -> bool {
    let entries = std::fs::read_dir(node.path(LISTS)).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| name.contains("_Packages"))
}

/// Whether the lists are missing or were last updated long ago, by this node's clock.
fn lists_are_old(node: &Node) -> bool {
    if !has_lists(node) {
        return true;
    }
    // The lists themselves carry the archive's times. These are touched by apt when it updates.
    let marks = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists/partial", LISTS];
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let last = marks.iter().filter_map(|mark| changed(&node.path(mark))).max();
    let age = last.and_then(|last| SystemTime::now().duration_since(last).ok());
    age.is_none_or(|age| age > LISTS_AGE)
}

/// A few names.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
