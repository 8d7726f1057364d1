//! Agents that answer a question for health with what a test wants: HTTP on a Unix socket, nothing else.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use serde_json::{Value, json};
use td_tests::sandbox::Sandbox;

/// An answer to each path; 404 to the others. Ends with the test's process; the socket goes when it is dropped.
pub struct Answers {
    socket: PathBuf,
}

impl Answers {
    /// Listens on `NAME.sock` in the sandbox's working folder.
    pub fn new(sandbox: &Sandbox, name: &str, answers: &[(&str, Value)]) -> Self {
        let socket = sandbox.work().join(format!("{name}.sock"));
        let listener = UnixListener::bind(&socket).expect("a socket");
        let answers: Vec<(String, String)> =
            answers.iter().map(|(path, value)| ((*path).to_owned(), value.to_string())).collect();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who goes away in the middle of it has heard enough.
                let _ = answer(stream, &answers);
            }
        });
        Self { socket }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

fn answer(mut stream: UnixStream, answers: &[(String, String)]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&part[..read]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = answers.iter().find(|(known, _)| path.split('?').next() == Some(known));
    let (status, body) = found.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", body.as_str()));
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// This moment, seconds since 1970.
pub fn now() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs_f64()
}

/// The report of a Raspberry Pi 1 on which all is well. It tells no time: the tests' own is never the same.
pub fn well() -> Value {
    json!({
        "version": 1,
        "td": env!("CARGO_PKG_VERSION"),
        "name": "pi",
        "slots": 1,
        "busy": 1,
        "povray": {
            "state": "ready",
            "fingerprint": { "povray": "3.7.0.10", "word_size": 32, "picture": "0".repeat(64) },
            "state_file_proven": true,
            "speed": 1.0,
        },
        "look": {
            "uptime": 90_000.0,
            "memory": { "total": 460e6 as u64, "available": 300e6 as u64, "swap_total": 104e6 as u64, "swap_free": 104e6 as u64 },
            "load": { "one": 1.02, "five": 1.0, "fifteen": 0.9, "cores": 1 },
            "oom_kills": 0,
            "temperature": 52.4,
            "disks": [{
                "place": "root", "path": "/", "size": 8e9 as u64, "free": 5e9 as u64, "inodes": 500_000, "inodes_free": 400_000,
            }],
        },
        "probed": {
            "version": 1,
            "fast": {
                "firmware": { "throttled": 0, "temperature": 51.9, "arm_clock": 800e6, "arm_freq": 800, "gpu_mem": 16 },
                "root_read_only": false,
                "card_errors": 0,
                "share": { "path": "/mnt/td", "mounted": true, "answered": 0.02, "clock_ahead": 0.1 },
                "links": [{ "name": "eth0", "speed": 100, "full_duplex": true, "packets": 1000, "errors": 0 }],
                "failed_units": [],
            },
            "slow": {
                "povray": "3.7.0.10",
                "render": { "passed": true, "seconds": 1.5 },
                "imagemagick": "6.9.11.60",
                "packages_known": true,
                "pending_reboot": [],
                "file_system_checks": [],
            },
        },
        "fast_age": 21.0,
        "slow_age": 3000.0,
        "shut_down_in_order": true,
    })
}

/// The same with some values changed: each by its path, `/look/temperature`.
pub fn with(changes: &[(&str, Value)]) -> Value {
    let mut report = well();
    for (path, value) in changes {
        let (parent, key) = path.rsplit_once('/').expect("a path");
        let parent = report.pointer_mut(parent).unwrap_or_else(|| panic!("{path} is in the report"));
        match parent {
            Value::Array(items) => items[key.parse::<usize>().expect("a number")] = value.clone(),
            parent => parent[key] = value.clone(),
        }
    }
    report
}
