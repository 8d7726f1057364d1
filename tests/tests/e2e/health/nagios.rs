//! A real Nagios, which calls `td health --nagios` as its plugin.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use td_tests::process;
use td_tests::programs;
use td_tests::sandbox::Sandbox;

use super::answers::{Answers, well, with};

const LIMIT: Duration = Duration::from_secs(60);

/// Everything in one folder, checks once a second, nobody told.
fn configuration(folder: &str, user: &str) -> String {
    let files = [
        ("cfg_file", "objects.cfg"),
        ("log_file", "nagios.log"),
        ("status_file", "status.dat"),
        ("object_cache_file", "objects.cache"),
        ("precached_object_file", "objects.precache"),
        ("state_retention_file", "retention.dat"),
        ("temp_file", "nagios.tmp"),
        ("temp_path", ""),
        ("lock_file", "nagios.lock"),
        ("check_result_path", "results"),
        ("command_file", "nagios.cmd"),
        ("query_socket", "nagios.qh"),
    ];
    let files: String = files.iter().map(|(key, name)| format!("{key}={folder}/{name}\n")).collect();
    format!(
        "{files}nagios_user={user}\nnagios_group={user}\ninterval_length=1\nstatus_update_interval=1\n\
         check_external_commands=0\ncheck_for_updates=0\nenable_notifications=0\nmax_service_check_spread=1\n"
    )
}

/// One host, and a service for each command line.
fn objects(td: &str, services: &[(&str, &str)]) -> String {
    const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let always: String = DAYS.iter().map(|day| format!(" {day} 00:00-24:00\n")).collect();
    let mut text = format!(
        "define timeperiod {{\n timeperiod_name always\n alias always\n{always}}}\n\
         define command {{\n command_name check_td\n command_line {td} health --nagios --timeout 20 $ARG1$\n}}\n\
         define contact {{\n contact_name keeper\n host_notification_period always\n service_notification_period always\n \
         host_notification_commands check_td\n service_notification_commands check_td\n}}\n\
         define host {{\n host_name shelf\n address 127.0.0.1\n max_check_attempts 1\n check_period always\n \
         contacts keeper\n active_checks_enabled 0\n}}\n"
    );
    for (name, arguments) in services {
        text.push_str(&format!(
            "define service {{\n host_name shelf\n service_description {name}\n check_command check_td!{arguments}\n \
             max_check_attempts 1\n check_interval 1\n retry_interval 1\n check_period always\n contacts keeper\n}}\n"
        ));
    }
    text
}

/// What Nagios keeps of each service that was checked.
fn states(status: &str) -> HashMap<String, HashMap<String, String>> {
    let services = status.split("servicestatus {").skip(1).map(|rest| rest.split("\t}").next().unwrap_or_default());
    let keys = |block: &str| -> HashMap<String, String> {
        let pairs = block.lines().filter_map(|line| line.trim().split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let checked = services.map(keys).filter(|service| service["has_been_checked"] == "1");
    checked.map(|service| (service["service_description"].clone(), service)).collect()
}

#[test]
#[ignore = "needs Nagios: make e2e"]
fn nagios_calls_the_plugin() {
    let sandbox = Sandbox::new();
    let _one = Answers::new(&sandbox, "one", &[("/health", well())]);
    let _warm = Answers::new(&sandbox, "warm", &[("/health", with(&[("/look/temperature", json!(77.1))]))]);
    let _full = Answers::new(&sandbox, "full", &[("/health", with(&[("/look/disks/0/free", json!(1_000_000))]))]);
    let at = |name: &str| format!("--agent {}", sandbox.work().join(format!("{name}.sock")).display());
    let agents = ["one", "warm", "full", "none"].map(at);
    let services = [
        ("well", agents[0].as_str()),
        ("warm", agents[1].as_str()),
        ("full", agents[2].as_str()),
        ("gone", agents[3].as_str()),
        ("wrong", "-i /no/inventory.yaml"),
    ];
    let folder = sandbox.path().join("nagios");
    fs::create_dir_all(folder.join("results")).unwrap();
    let user = process::run(sandbox.command("id").arg("-un"), LIMIT).code(0).out();
    let path = folder.to_str().expect("text");
    fs::write(folder.join("nagios.cfg"), configuration(path, user.trim())).unwrap();
    fs::write(folder.join("objects.cfg"), objects(&programs::binary("td").display().to_string(), &services)).unwrap();

    let mut nagios = process::start(sandbox.command(programs::nagios()).arg(folder.join("nagios.cfg")));
    let deadline = Instant::now() + LIMIT;
    let states = loop {
        let seen = states(&fs::read_to_string(folder.join("status.dat")).unwrap_or_default());
        if seen.len() == services.len() {
            break seen;
        }
        let said = || format!("{}\n{}\n{seen:#?}", nagios.out_so_far(), nagios.err_so_far());
        assert!(Instant::now() < deadline, "{}", said());
        std::thread::sleep(Duration::from_millis(100));
        assert!(!nagios.has_ended(), "{}", nagios.out_so_far());
    };
    nagios.signal(rustix::process::Signal::TERM);
    let _ = nagios.wait(LIMIT);
    // Nagios keeps a colon for each semicolon, which has a meaning in its files.
    for (name, state, says) in [
        ("well", "0", "TD OK - 1 node: 1 ok"),
        ("warm", "1", "TD WARNING - 1 node: 1 warn: "),
        ("full", "2", "TD CRITICAL - 1 node: 1 fail: "),
        ("gone", "2", "TD CRITICAL - 1 node: 1 unreachable: "),
        ("wrong", "3", "TD UNKNOWN - /no/inventory.yaml: there is no such file"),
    ] {
        let seen = &states[name];
        assert_eq!(seen["current_state"], state, "{seen:#?}");
        assert!(seen["plugin_output"].starts_with(says), "{seen:#?}");
    }
    let data = &states["well"]["performance_data"];
    assert!(data.contains("'temperature'=52.4;75;82"), "{data}");
}
