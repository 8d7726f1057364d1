//! The agent by itself: where it may listen, and that it holds still.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use td_tests::process;
use td_tests::programs;
use td_tests::sandbox::Sandbox;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn it_listens_nowhere_but_here() {
    let sandbox = Sandbox::new();
    for address in ["0.0.0.0:7000", "192.0.2.1:7000", "[::]:7000"] {
        let mut command = sandbox.command(programs::binary("td-agent"));
        command.args(["serve", "--cache", "cache", "--listen", address]);
        process::run(&mut command, LIMIT).code(2).speaks_to_a_person().says(&["TLS", "127.0.0.1"]);
    }
    sandbox.nothing_left_behind();
}

/// Idle it does nothing: no CPU beyond what a process costs that sleeps.
#[test]
fn idle_it_does_nothing() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(programs::binary("td-agent"));
    let running = process::start(command.args(["serve", "--cache", "cache", "--listen", "127.0.0.1:0"]));
    // Its start costs something: the fingerprint scene.
    std::thread::sleep(Duration::from_secs(5));
    assert!(sandbox.processes_called("povray").is_empty(), "POV-Ray runs with nothing to do");
    let before = cpu_ticks(running.pid().as_raw_nonzero().get());
    std::thread::sleep(Duration::from_secs(3));
    let used = cpu_ticks(running.pid().as_raw_nonzero().get()) - before;
    assert!(used <= 1, "{used} ticks in 3 idle seconds");
    running.signal(Signal::TERM);
    running.wait(LIMIT).speaks_to_a_person();
    sandbox.nothing_left_behind();
}

/// User and system time of a process so far, in hundredths of a second.
fn cpu_ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the agent runs");
    let after_name = stat.rsplit(')').next().expect("a stat line");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
