//! A small cluster for one test: real agents on sockets, each with a cache of its own, and a master that uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, events, programs};

/// A master that has not ended by then hangs.
pub const LIMIT: Duration = Duration::from_secs(240);

/// Each row of it costs about the same, and the whole some ten seconds of one core: long enough that things can go wrong in
/// the middle of it, at each node.
pub const SCENE: &str = "#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 aperture 0.4 focal_point y*0.5 blur_samples 200 confidence 0.999999 variance 0 }
light_source { <-3, 5, -4> rgb 1 }
light_source { <3, 5, -4> rgb 0.3 }
plane { y, 0 pigment { granite scale 0.3 } finish { reflection 0.2 } }
plane { -z, -9 pigment { bozo scale 0.05 } finish { ambient 1 } }
sphere { y*0.7, 0.7 pigment { bozo scale 0.1 } finish { reflection 0.3 } }
";

pub const SWITCHES: [&str; 2] = ["+W241", "+H320"];

/// One agent with one slot.
pub struct Agent {
    pub socket: PathBuf,
    pub cache: PathBuf,
    command: Box<dyn Fn(&Sandbox) -> Command>,
    running: Option<Running>,
}

impl Agent {
    pub fn pid(&self) -> Pid {
        self.running.as_ref().expect("the agent runs").pid()
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the agent is there");
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.running.take().expect("the agent runs").wait(Duration::from_secs(10));
    }

    pub fn start(&mut self, sandbox: &Sandbox) {
        self.running = Some(process::start(&mut (self.command)(sandbox)));
        let deadline = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(&self.socket).is_err() {
            let running = self.running.as_mut().expect("just started");
            assert!(!running.has_ended() && Instant::now() < deadline, "no agent: {}", running.err_so_far());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The POV-Rays that it has started and that still run.
    pub fn povrays(&self, sandbox: &Sandbox) -> Vec<Pid> {
        povrays_of(sandbox, self.pid())
    }
}

/// The POV-Rays that this agent has started and that still run.
pub fn povrays_of(sandbox: &Sandbox, agent: Pid) -> Vec<Pid> {
    let own = agent.as_raw_nonzero().get().to_string();
    let is_own = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after).to_owned();
        let mut fields = after.split(' ');
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(own.as_str())
    };
    sandbox.processes_called("povray").into_iter().filter(is_own).filter_map(Pid::from_raw).collect()
}

/// Holds the POV-Rays of these agents, those too that are started meanwhile, until `meanwhile` is over. Their nodes live and are
/// only slow, so a job of which they have rows cannot end.
pub fn with_povrays_held<T>(sandbox: &Sandbox, agents: &[Pid], meanwhile: impl FnOnce() -> T) -> T {
    /// For a `meanwhile` that panics: the scope waits for its thread.
    struct IsOver<'a>(&'a AtomicBool);
    impl Drop for IsOver<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let is_over = IsOver(&over);
        scope.spawn(|| {
            let mut held = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let povrays = agents.iter().flat_map(|&agent| povrays_of(sandbox, agent));
                // Spares are stopped by their agent, and are not ours to wake.
                for povray in povrays.filter(|&pid| !is_stopped(pid)) {
                    let _ = kill_process(povray, Signal::STOP);
                    held.push(povray);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            for povray in held {
                let _ = kill_process(povray, Signal::CONT);
            }
        });
        let result = meanwhile();
        drop(is_over);
        result
    })
}

/// The same command in a mount namespace of its own, in which `script` has run first. The namespace ends with the program, and
/// so do its mounts.
pub fn within_mounts(command: &Command, script: &str) -> Command {
    let script = format!("set -eu; mount --make-rprivate /; {script}; exec \"$@\"");
    let mut within = Command::new("unshare");
    within.args(["--mount", "/bin/sh", "-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    within.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    within.current_dir(command.get_current_dir().expect("the sandbox's folder"));
    within
}

/// Agents, and the folder they live in.
pub struct Cluster {
    pub sandbox: Sandbox,
    pub agents: Vec<Agent>,
}

impl Cluster {
    /// `count` agents that are as they should be.
    pub fn new(count: usize) -> Self {
        let mut cluster = Self::empty();
        for _ in 0..count {
            cluster.add(|command| command);
        }
        cluster
    }

    pub fn empty() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("scene.pov", SCENE);
        Self { sandbox, agents: Vec::new() }
    }

    /// Starts one more agent; `with` may change its surroundings.
    pub fn add(&mut self, with: impl Fn(Command) -> Command + 'static) {
        let name = format!("node{}", self.agents.len() + 1);
        let folder = self.sandbox.path().join(&name);
        fs::create_dir(&folder).expect("a folder for the agent");
        let (socket, cache) = (folder.join("agent.sock"), folder.join("cache"));
        let serve = (name.clone(), socket.clone(), cache.clone());
        let command = move |sandbox: &Sandbox| {
            let mut command = sandbox.command(programs::binary("td-agent"));
            let (name, socket, cache) = &serve;
            command
                .args(["serve", "--slots", "1", "--name", name])
                .arg("--socket")
                .arg(socket)
                .arg("--cache")
                .arg(cache);
            with(command)
        };
        let mut agent = Agent { socket, cache, command: Box::new(command), running: None };
        agent.start(&self.sandbox);
        self.agents.push(agent);
    }

    /// Starts one more agent, with this program as its POV-Ray.
    pub fn add_with(&mut self, povray: &Path, more: &'static [&str]) {
        let povray = povray.to_owned();
        self.add(move |mut command| {
            command.env("TD_POVRAY", &povray).args(more);
            command
        });
    }

    /// Starts a render on all agents.
    pub fn render(&self, more: &[&str]) -> Running {
        self.render_on(self.agents.iter().map(|agent| agent.socket.as_path()), more)
    }

    /// Starts a render on these sockets, which may be those of somebody in between.
    pub fn render_on<'a>(&self, sockets: impl Iterator<Item = &'a Path>, more: &[&str]) -> Running {
        let mut command = self.sandbox.td(["render", "scene.pov", "-o", "out.png", "--json"]);
        command.args(SWITCHES).args(more);
        for socket in sockets {
            command.arg("--agent").arg(socket);
        }
        process::start(&mut command)
    }

    /// Waits until each agent has a POV-Ray that is no spare, and rows have come.
    #[track_caller]
    pub fn at_work(&self, running: &mut Running) {
        let deadline = Instant::now() + Duration::from_secs(90);
        let renders = |agent: &Agent| agent.povrays(&self.sandbox).into_iter().any(|pid| !is_stopped(pid));
        while !self.agents.iter().all(renders) || rows_done(running) < 16 {
            let said = || format!("{}\n{}", running.out_so_far(), running.err_so_far());
            assert!(Instant::now() < deadline, "the agents are not at work: {}", said());
            assert!(
                !running.has_ended(),
                "ended before all were at work: {}\n{}",
                running.out_so_far(),
                running.err_so_far()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends all agents and asserts that nothing is left.
    #[track_caller]
    pub fn ends(mut self) {
        for agent in &mut self.agents {
            if let Some(running) = agent.running.take() {
                running.signal(Signal::CONT);
                running.signal(Signal::TERM);
                let _ = running.wait(Duration::from_secs(20));
            }
        }
        self.sandbox.nothing_left_behind();
    }

    /// The picture is that of one plain POV-Ray.
    #[track_caller]
    pub fn exact(&self, outcome: &Outcome) {
        self.exact_at(outcome, &[]);
    }

    /// The same of a render with more switches.
    #[track_caller]
    pub fn exact_at(&self, outcome: &Outcome, more: &[&str]) {
        exact_in(&self.sandbox, outcome, more);
    }
}

/// The sandbox's `out.png` is plain POV-Ray's picture of [`SCENE`].
#[track_caller]
pub fn exact_in(sandbox: &Sandbox, outcome: &Outcome, more: &[&str]) {
    outcome.code(0).speaks_to_a_person();
    let got = Picture::read(&sandbox.work().join("out.png")).expect("td's picture");
    compare::same(&reference(more), &got).unwrap_or_else(|error| panic!("{error}\n{}", outcome.transcript()));
}

/// Plain POV-Ray's picture of [`SCENE`].
pub fn reference(more: &[&str]) -> Picture {
    let alone = Sandbox::new();
    alone.write("scene.pov", SCENE);
    let folder = alone.work();
    let switches: Vec<String> = SWITCHES.iter().chain(more).map(|switch| (*switch).to_owned()).collect();
    let reference = Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches };
    reference.picture().expect("plain POV-Ray")
}

/// Whether a process is stopped, as spares are.
pub fn is_stopped(pid: Pid) -> bool {
    process::is_stopped(pid.as_raw_nonzero().get())
}

/// The last progress event so far.
fn progress(running: &Running) -> Option<serde_json::Value> {
    let said = running.out_so_far();
    let last = said.lines().rev().find(|line| line.contains("\"event\":\"progress\""))?;
    serde_json::from_str(last).ok()
}

/// Rows in the picture, as the last progress event tells.
pub fn rows_done(running: &Running) -> u64 {
    progress(running).and_then(|event| event["rows_done"].as_u64()).unwrap_or(0)
}

/// How many of the slots of the node whose name contains `name` are at work, as the last progress event tells.
pub fn busy(running: &Running, name: &str) -> Option<u64> {
    let event = progress(running)?;
    event["nodes"].as_object()?.iter().find(|(other, _)| other.contains(name))?.1["busy"].as_u64()
}

/// The sentences that a person would have seen.
pub fn notes(outcome: &Outcome) -> Vec<String> {
    let all = events::all(outcome).expect("events");
    let is_note = |event: &events::Event| event["event"] == "note";
    all.into_iter().filter(is_note).filter_map(|event| event["text"].as_str().map(str::to_owned)).collect()
}

/// Waits until td has printed these words.
#[track_caller]
pub fn until(running: &mut Running, words: &str) {
    let deadline = Instant::now() + LIMIT;
    while !running.out_so_far().contains(words) {
        let said = running.out_so_far();
        assert!(!running.has_ended() && Instant::now() < deadline, "td does not say {words:?}, but:\n{said}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the node whose name ends so has been given a strip after td has printed these words.
#[track_caller]
pub fn wait_for_strip_of(running: &mut Running, node: &str, after: &str) {
    let is_strip = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        event["event"] == "strip" && event["node"].as_str().is_some_and(|name| name.ends_with(node))
    };
    let deadline = Instant::now() + LIMIT;
    loop {
        let said = running.out_so_far();
        let mut later = said.lines().skip_while(|line| !line.contains(after));
        if later.any(is_strip) {
            return;
        }
        assert!(!running.has_ended() && Instant::now() < deadline, "{node} gets no strip after {after:?}:\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Prints what was seen, for the table in docs/faults.md.
pub fn seen(row: &str, outcome: &Outcome) {
    println!("seen: {row}: {} after {:.1} s", outcome.status, outcome.wall.as_secs_f64());
    for note in notes(outcome) {
        println!("seen: {row}:   {note}");
    }
    if outcome.status.code() != Some(0) {
        println!("seen: {row}:   {}", outcome.err().trim());
    }
}

/// Asserts that one of the notes says all of `words`.
#[track_caller]
pub fn told(outcome: &Outcome, words: &[&str]) {
    let notes = notes(outcome);
    let found = notes.iter().any(|note| words.iter().all(|word| note.contains(word)));
    assert!(found, "no note says {words:?}: {notes:#?}\n{}", outcome.transcript());
}

/// Asserts that one of the sentences that say all of `words` is the snapshot of this name: its nodes called by their folders,
/// numbers as `N`, and what stands in parentheses (reasons, places) as `WHY`.
#[track_caller]
pub fn shown(name: &str, outcome: &Outcome, words: &[&str]) {
    told(outcome, words);
    let said = notes(outcome).into_iter().find(|note| words.iter().all(|word| note.contains(word)));
    assert_snapshot!(name, in_general(&said.expect("just told")));
}

/// The same with what stands in parentheses, where that is td's own word. What the system says in it is `WHY`.
#[track_caller]
pub fn shown_with_reason(name: &str, outcome: &Outcome, words: &[&str]) {
    told(outcome, words);
    let said = notes(outcome).into_iter().find(|note| words.iter().all(|word| note.contains(word))).expect("just told");
    let said = match said.split_once(" seconds: ").and_then(|(td, why)| Some((td, why.split_once(')')?.1))) {
        Some((td, after)) => format!("{td} seconds: WHY){after}"),
        None => said,
    };
    assert_snapshot!(name, without_numbers(&said));
}

/// The same for one line of what td said, on whichever output.
#[track_caller]
pub fn line_shown(name: &str, said: &str, words: &[&str]) {
    let line = said.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert_snapshot!(name, in_general(line.unwrap_or_else(|| panic!("no line says {words:?}:\n{said}"))));
}

/// The same for what td said at its end on standard error.
#[track_caller]
pub fn ended_with(name: &str, outcome: &Outcome) {
    assert_snapshot!(name, in_general(outcome.err().trim()));
}

fn in_general(text: &str) -> String {
    let mut without = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '(' => {
                depth += 1;
                if depth == 1 {
                    without.push_str("(WHY)");
                }
            }
            ')' => depth -= 1,
            _ if depth == 0 => without.push(letter),
            _ => {}
        }
    }
    without_numbers(&without)
}

fn without_numbers(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| ",;:()".contains(c));
        let is_number = bare.starts_with(|c: char| c.is_ascii_digit());
        // On agents a job's id has the numbers of the attempt and the run behind it.
        let is_hex = |id: &str| id.len() == 12 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = is_hex(bare.split('-').next().unwrap_or_default());
        let node = Path::new(bare).parent().filter(|_| bare.contains("/agent.")).and_then(Path::file_name);
        match node {
            _ if is_id => word.replacen(bare, "ID", 1),
            _ if is_number => word.replacen(bare, "N", 1),
            // An agent in the sandbox's own folder.
            Some(node) if node.to_string_lossy().starts_with("td-test-") => word.replacen(bare, "NODE", 1),
            Some(node) => word.replacen(bare, &node.to_string_lossy(), 1),
            None if bare.contains("/td-test-") => word.replacen(bare, "PATH", 1),
            None => word.to_owned(),
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn sentences_in_general() {
    let said =
        "/tmp/x/node2/agent.sock was lost (it says (os error 104)); 12 of 300 rows, td resume 0123456789ab\n  1.5 s";
    assert_eq!(in_general(said), "node2 was lost (WHY); N of N rows, td resume ID\n  N s");
}

/// For agents whose POV-Ray goes by its command line: a spare has nothing there but the name of an ini file.
pub const NO_SPARES: &[&str] = &["--spares", "0"];

/// A program in POV-Ray's place: `$povray` is the real one, the arguments are POV-Ray's.
pub fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("povray-in-its-place");
    let text = format!("#!/bin/sh\npovray='{}'\n{script}\n", programs::povray().display());
    fs::write(&path, text).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path
}
