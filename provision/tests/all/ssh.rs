//! td-provision against a real sshd: host keys, logins, the way through a jump host, and what is said when it fails.
//!
//! A login that works shows in what comes after it: `become: none` refuses a user who is not root.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::sshd::{Home, Sshd, is_root, run, said, user};

/// No wait of these tests is longer.
const WITHIN: Duration = Duration::from_secs(120);

/// What is said once the login has worked.
const IN: &str = "is not root there, and `become: none` forbids sudo";

fn yaml(more: &str, sshd: &Sshd) -> String {
    format!(
        "defaults: {{ user: {}, become: none }}\nnodes:\n  a: {{ address: 127.0.0.1, ssh_port: {}{more} }}\n",
        user(),
        sshd.port
    )
}

/// A home with a key, and an sshd that takes it.
fn pair(more: &str) -> (Home, Sshd) {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["ed25519"], more);
    home.inventory(&yaml("", &sshd));
    (home, sshd)
}

#[test]
fn an_unknown_host_key_is_shown_and_not_taken() {
    let (home, sshd) = pair("");
    let (code, text) = home.run(&["facts"]);
    assert_eq!(code, 4, "{text}");
    let shown =
        format!("the host key of [127.0.0.1]:{} is not known: ssh-ed25519 {}", sshd.port, sshd.fingerprint("ed25519"));
    assert!(text.contains(&shown), "{text}");
    assert!(text.contains("no terminal to ask on") && text.contains("--accept-new"), "{text}");
    assert_eq!(home.known_hosts(), "");
}

#[test]
fn a_new_host_key_is_taken_once_when_told_so() {
    let (home, sshd) = pair("");
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 1 && text.contains(IN), "{code} {text}");
    let line = fs::read_to_string(sshd.host_key("ed25519")).expect("a key");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(home.known_hosts(), format!("[127.0.0.1]:{} {} {}\n", sshd.port, words[0], words[1]));
    let (_, text) = home.run(&["facts"]);
    assert!(text.contains(IN), "known now: {text}");
    run(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(home.ssh("known_hosts")));
    assert!(home.known_hosts().starts_with("|1|"), "hashed");
    let (_, text) = home.run(&["facts"]);
    assert!(text.contains(IN), "known by its hash: {text}");
}

#[test]
fn a_changed_host_key_is_refused_whatever_was_told() {
    let (home, sshd) = pair("");
    let other = home.key("other", "ed25519", "");
    let key = fs::read_to_string(other).expect("a key");
    fs::write(home.ssh("known_hosts"), format!("# mine\n[127.0.0.1]:{} {key}", sshd.port)).expect("written");
    let before = home.known_hosts();
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("THE HOST KEY OF") && text.contains("known_hosts:2 has another"), "{text}");
    assert!(text.contains(&sshd.fingerprint("ed25519")), "{text}");
    let mend = format!("ssh-keygen -f {} -R '[127.0.0.1]:{}'", home.ssh("known_hosts").display(), sshd.port);
    assert!(text.contains(&mend), "{text}");
    assert_eq!(home.known_hosts(), before);
    // What the sentence says to do works.
    run(Command::new("sh").arg("-c").arg(&mend));
    let (_, text) = home.run(&["facts", "--accept-new"]);
    assert!(text.contains(IN), "{text}");
}

#[test]
fn revoked_and_other_types() {
    let (home, sshd) = pair("");
    let key = fs::read_to_string(sshd.host_key("ed25519")).expect("a key");
    fs::write(home.ssh("known_hosts"), format!("@revoked * {key}")).expect("written");
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("is revoked by"), "{text}");
    let other = fs::read_to_string(home.key("other", "ecdsa", "")).expect("a key");
    fs::write(home.ssh("known_hosts"), format!("[127.0.0.1]:{} {other}", sshd.port)).expect("written");
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("knows it by ecdsa-sha2-nistp256 only"), "{text}");
    assert!(text.contains(&format!("then add it: ssh -p {} 127.0.0.1\n", sshd.port)), "{text}");
    fs::write(home.ssh("known_hosts"), format!("@cert-authority * {key}")).expect("written");
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("@cert-authority for it, which td-provision does not use"), "{text}");
}

/// A host that is known by one of its keys is asked for that one.
#[test]
fn the_known_type_is_asked_for() {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["ed25519", "ecdsa"], "");
    home.inventory(&yaml("", &sshd));
    let known = fs::read_to_string(sshd.host_key("ecdsa")).expect("a key");
    fs::write(home.ssh("known_hosts"), format!("[127.0.0.1]:{} {known}", sshd.port)).expect("written");
    let (_, text) = home.run(&["facts"]);
    assert!(text.contains(IN), "{text}");
}

#[test]
fn a_host_with_an_rsa_key_only() {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["rsa"], "");
    home.inventory(&yaml("", &sshd));
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("offers no host key that td-provision checks"), "{text}");
    assert!(text.contains("ssh-keygen -A"), "{text}");
}

#[test]
fn keys_of_each_type() {
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let home = Home::new();
        let key = home.key(&format!("id_{kind}"), kind, "");
        let sshd = Sshd::start(&[&key], &["ed25519"], "");
        home.inventory(&yaml("", &sshd));
        let (_, text) = home.run(&["facts", "--accept-new"]);
        assert!(text.contains(IN), "{kind}: {text}");
    }
}

#[test]
fn a_wrong_key_is_named() {
    let home = Home::new();
    let key = home.key("theirs", "ed25519", "");
    home.key("id_ed25519", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["ed25519"], "PasswordAuthentication no\nKbdInteractiveAuthentication no\n");
    home.inventory(&yaml("", &sshd));
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("refuses the login: tried: the key") && text.contains("id_ed25519"), "{text}");
    assert!(text.contains("The server takes publickey") && text.contains("authorized_keys"), "{text}");
    // The right one, named: it alone is offered.
    home.inventory(&yaml(", identity_file: ~/.ssh/theirs", &sshd));
    let (_, text) = home.run(&["facts"]);
    assert!(text.contains(IN), "{text}");
    fs::set_permissions(home.ssh("theirs"), fs::Permissions::from_mode(0o644)).expect("set");
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("others may read it (mode 644)"), "{text}");
    home.inventory(&yaml(", identity_file: ~/.ssh/nowhere", &sshd));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("nowhere there is no such file"), "{text}");
}

#[test]
fn an_encrypted_key_needs_a_terminal_or_the_agent() {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "open sesame");
    let sshd = Sshd::start(&[&key], &["ed25519"], "");
    home.inventory(&yaml("", &sshd));
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("is encrypted, and there is no terminal"), "{text}");
    // A terminal: once wrong, once right.
    let mut terminal = Terminal::start(&home, &["facts"]);
    terminal.answer("Passphrase of the key", 1, "wrong");
    terminal.answer("Passphrase of the key", 2, "open sesame");
    let shown = terminal.end();
    assert_eq!(shown.matches("Passphrase of the key").count(), 2, "{shown}");
    assert!(shown.contains(IN), "{shown}");
    assert!(!shown.contains("sesame"), "typed unseen: {shown}");
    // The agent, with an RSA key besides.
    let rsa = home.key("id_rsa", "rsa", "");
    let sshd = Sshd::start(&[&rsa], &["ed25519"], "");
    home.inventory(&yaml("", &sshd));
    let agent = Agent::start(&home);
    agent.add(&home, "id_rsa");
    fs::remove_file(home.ssh("id_rsa")).expect("only the agent has it");
    let mut command = home.command(&["facts", "--accept-new"]);
    let (_, text) = said(command.env("SSH_AUTH_SOCK", &agent.socket));
    assert!(text.contains(IN), "{text}");
}

/// td-provision on a terminal, which `script` gives it.
struct Terminal {
    child: std::process::Child,
    stdin: std::process::ChildStdin,
    stdout: std::process::ChildStdout,
    shown: String,
}

impl Terminal {
    fn start(home: &Home, arguments: &[&str]) -> Terminal {
        let mut child = on_terminal(home, arguments);
        let stdin = child.stdin.take().expect("is piped");
        let stdout = child.stdout.take().expect("is piped");
        Terminal { child, stdin, stdout, shown: String::new() }
    }

    /// Waits until a question was asked so many times, then types. (What is typed before a password is asked for is thrown
    /// away, as ssh does it.)
    fn answer(&mut self, question: &str, times: usize, answer: &str) {
        self.shows(question, times);
        self.stdin.write_all(format!("{answer}\n").as_bytes()).expect("typed");
    }

    /// Waits until a question was asked so many times.
    fn shows(&mut self, question: &str, times: usize) {
        let mut buffer = [0; 1024];
        while self.shown.matches(question).count() < times {
            let count = self.stdout.read(&mut buffer).expect("reads");
            assert!(count > 0, "ended without asking {question:?}: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    /// Ctrl-C.
    fn interrupt(&mut self) {
        self.stdin.write_all(b"\x03").expect("typed");
    }

    /// All that was shown.
    fn end(self) -> String {
        self.end_with_code().0
    }

    /// All that was shown, and the exit code.
    fn end_with_code(mut self) -> (String, i32) {
        self.stdout.read_to_string(&mut self.shown).expect("reads");
        let status = self.child.wait().expect("ends");
        (self.shown, status.code().unwrap_or(-1))
    }
}

fn on_terminal(home: &Home, arguments: &[&str]) -> std::process::Child {
    let program = env!("CARGO_BIN_EXE_td-provision");
    let mut command = Command::new("script");
    command
        .args(["-qefc", &format!("{program} {}", arguments.join(" ")), "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("TERM", "xterm")
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().expect("script runs")
}

struct Agent {
    socket: std::path::PathBuf,
    child: std::process::Child,
}

impl Agent {
    fn start(home: &Home) -> Agent {
        let socket = home.path().join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let child = command.spawn().expect("ssh-agent runs");
        for _ in 0..500 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Agent { socket, child }
    }

    fn add(&self, home: &Home, name: &str) {
        run(Command::new("ssh-add").arg("-q").arg(home.ssh(name)).env("SSH_AUTH_SOCK", &self.socket));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_host_key_is_asked_for_on_a_terminal() {
    let (home, sshd) = pair("");
    let mut terminal = Terminal::start(&home, &["facts"]);
    terminal.answer("(yes/no)", 1, "what");
    terminal.answer("Please type yes or no", 1, "no");
    let shown = terminal.end();
    assert!(shown.contains(&sshd.fingerprint("ed25519")) && shown.contains("Please type yes or no"), "{shown}");
    assert!(shown.contains("You said no"), "{shown}");
    assert_eq!(home.known_hosts(), "");
    let mut terminal = Terminal::start(&home, &["facts"]);
    terminal.answer("(yes/no)", 1, "yes");
    let shown = terminal.end();
    assert!(shown.contains(IN), "{shown}");
    assert!(!home.known_hosts().is_empty());
}

/// An open question holds up nobody else, and one Ctrl-C is enough.
#[test]
fn others_go_on_while_a_question_is_open() {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["ed25519"], "");
    // Each at an address of its own: no machine is in an inventory twice.
    let listener = |address: &str| {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        listener.set_nonblocking(true).expect("set");
        listener
    };
    let port = |listener: &TcpListener| listener.local_addr().expect("has one").port();
    let accept = |listener: &TcpListener, what: &str| {
        let begun = Instant::now();
        loop {
            if let Ok((stream, _)) = listener.accept() {
                return stream;
            }
            assert!(begun.elapsed() < WITHIN, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let (second, third) = (listener("127.0.0.2"), listener("127.0.0.3"));
    home.inventory(&format!(
        "defaults: {{ user: {}, become: none }}\nnodes:\n  a: {{ address: 127.0.0.1, ssh_port: {} }}\n  \
         b: {{ address: 127.0.0.2, ssh_port: {} }}\n  c: {{ address: 127.0.0.3, ssh_port: {} }}\n",
        user(),
        sshd.port,
        port(&second),
        port(&third),
    ));
    let mut terminal = Terminal::start(&home, &["facts", "--forks", "2"]);
    let b = accept(&second, "b is not connected to");
    terminal.shows("(yes/no)", 1);
    // b is over, and c's turn comes, which is told, while nobody has answered.
    drop(b);
    accept(&third, "c waits for the answer to a's question");
    terminal.interrupt();
    let (shown, code) = terminal.end_with_code();
    assert_eq!(code, 130, "{shown}");
}

#[test]
fn passwords() {
    let home = Home::new();
    let key = home.key("theirs", "ed25519", "");
    let sshd = Sshd::start(&[&key], &["ed25519"], "PasswordAuthentication yes\n");
    home.inventory(&yaml("", &sshd));
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("there is no terminal to ask for a password"), "{text}");
    home.inventory(&yaml(", password: { env: TD_SECRET }", &sshd));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("the environment variable TD_SECRET is not set"), "{text}");
    let (code, text) = said(home.command(&["facts"]).env("TD_SECRET", "wrong horse"));
    assert!(code == 4 && text.contains("the password that `password:` of the inventory gives is wrong"), "{text}");
    assert!(!text.contains("wrong horse"), "{text}");
    // Whose password is known only root can arrange.
    if is_root() {
        let (_, text) = said(home.command(&["facts"]).env("TD_SECRET", "right horse"));
        assert!(text.contains(IN), "{text}");
        home.inventory(&yaml(", password: { command: echo right horse }", &sshd));
        let (_, text) = home.run(&["facts", "-v"]);
        assert!(text.contains(IN) && !text.contains("right horse"), "{text}");
    }
}

#[test]
fn through_a_jump_host() {
    let home = Home::new();
    let key = home.key("id_ed25519", "ed25519", "");
    let gate = Sshd::start(&[&key], &["ed25519"], "");
    let sshd = Sshd::start(&[&key], &["ed25519"], "");
    let user = user();
    home.inventory(&yaml(&format!(", jump: '{user}@127.0.0.1:{}'", gate.port), &sshd));
    let (_, text) = home.run(&["facts", "--accept-new"]);
    assert!(text.contains(IN), "{text}");
    assert_eq!(home.known_hosts().lines().count(), 2, "both keys were checked");
    // The same from ~/.ssh/config, by an alias.
    home.inventory(&yaml("", &sshd));
    let config = format!(
        "Host gate\n  HostName 127.0.0.1\n  Port {}\n  User {user}\nHost 127.0.0.1\n  ProxyJump gate\n",
        gate.port
    );
    fs::write(home.ssh("config"), config).expect("written");
    let (_, text) = home.run(&["facts"]);
    assert!(text.contains(IN), "{text}");
    // A gate that forbids it, and a gate that is closed.
    fs::remove_file(home.ssh("config")).expect("removed");
    let closed = Sshd::start(&[&key], &["ed25519"], "AllowTcpForwarding no\n");
    home.inventory(&yaml(&format!(", jump: '{user}@127.0.0.1:{}'", closed.port), &sshd));
    let (code, text) = home.run(&["facts", "--accept-new"]);
    assert!(code == 4 && text.contains("gets no connection to 127.0.0.1"), "{text}");
    let port = closed.port;
    drop(closed);
    let (code, text) = home.run(&["facts"]);
    assert!(
        code == 4 && text.contains("no connection to the jump host 127.0.0.1") && text.contains(&port.to_string()),
        "{text}"
    );
}

#[test]
fn nobody_there() {
    let home = Home::new();
    home.key("id_ed25519", "ed25519", "");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("has one").port();
    let at = |place: &str| format!("nodes:\n  a: {{ {place} }}\n");
    home.inventory(&at(&format!("address: 127.0.0.1, ssh_port: {free}")));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains(&format!("refuses connections on port {free}")), "{text}");
    home.inventory(&at("address: no-such-host.invalid"));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("the host name no-such-host.invalid has no address"), "{text}");
    home.inventory(&at("address: no-such-pi.local"));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("avahi-daemon"), "{text}");
    // Something answers, but it is no SSH server.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("has one").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    home.inventory(&at(&format!("address: 127.0.0.1, ssh_port: {port}")));
    let (code, text) = home.run(&["facts"]);
    assert!(code == 4 && text.contains("no SSH connection came about"), "{text}");
}

/// Two commands that change the cluster do not meet, reboot and poweroff among them.
#[test]
fn the_lock_is_taken() {
    let home = Home::new();
    home.inventory("cluster: shelf\nnodes:\n  a: { address: 127.0.0.1 }\n");
    let file = home.path().join(".config/td/clusters/shelf.lock");
    fs::create_dir_all(file.parent().expect("has one")).expect("made");
    let held = fs::File::create(&file).expect("made");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    fs::write(&file, format!("{} 1 td-provision apply\n", std::process::id())).expect("written");
    for command in ["reboot", "poweroff", "remove", "apply"] {
        let (code, text) = home.run(&[command, "--yes"]);
        assert!(code == 1 && text.contains("td-provision apply (process "), "{command}: {code} {text}");
        assert!(text.contains("is changing the cluster shelf from this machine"), "{command}: {text}");
    }
}

#[test]
fn words_and_codes() {
    let home = Home::new();
    home.inventory("nodes:\n  a: { address: 127.0.0.1, groups: [x] }\n");
    let (code, text) = home.run(&["facts", "--limit", "b"]);
    assert!(code == 2 && text.contains("neither a node nor a group"), "{code} {text}");
    let (code, text) = home.run(&["apply", "--only", "bot"]);
    assert!(code == 2 && text.contains("known are hostname, packages"), "{code} {text}");
    let (code, text) = home.run(&["reboot"]);
    assert!(code == 2 && text.contains("no terminal to ask on"), "{code} {text}");
    let (code, text) = home.run(&["remove"]);
    assert!(code == 2 && text.contains("no terminal to ask on"), "{code} {text}");
    home.inventory("nodes: {}\n");
    let (code, _) = home.run(&["plan"]);
    assert_eq!(code, 2);
}
