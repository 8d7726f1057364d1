//! A cluster on this machine: real agents behind real TLS on loopback ports, an inventory, and the certificates that
//! `td-provision` made for it.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{self, Running};
use crate::programs;
use crate::sandbox::Sandbox;

const LIMIT: Duration = Duration::from_secs(30);

/// One node.
pub struct Node {
    pub name: String,
    pub port: u16,
    agent: Option<Running>,
}

/// Nodes `one`, `two`, ... of the cluster `shelf`.
pub struct Cluster<'a> {
    pub sandbox: &'a Sandbox,
    pub nodes: Vec<Node>,
}

impl<'a> Cluster<'a> {
    /// An inventory with these nodes, certificates for all, and no agent yet.
    pub fn prepare(sandbox: &'a Sandbox, names: &[&str]) -> Self {
        let nodes = names.iter().map(|name| Node { name: (*name).to_owned(), port: free_port(), agent: None });
        let mut cluster = Self { sandbox, nodes: nodes.collect() };
        cluster.write_inventory(|_| "127.0.0.1".to_owned(), "");
        for step in ["init", "issue"] {
            let mut command = sandbox.command(programs::binary("td-provision"));
            process::run(command.args(["certs", step]), LIMIT).code(0);
        }
        for number in 0..cluster.nodes.len() {
            cluster.bring_certificates(number);
        }
        cluster
    }

    /// A cluster whose agents run and have found their POV-Ray.
    pub fn start(sandbox: &'a Sandbox, names: &[&str]) -> Self {
        let mut cluster = Self::prepare(sandbox, names);
        for number in 0..names.len() {
            cluster.start_node(number);
        }
        cluster
    }

    /// Writes `inventory.yaml`: each node at the address that is asked for; `more` follows each node's port.
    pub fn write_inventory(&mut self, address: impl Fn(&str) -> String, more: &str) {
        let mut text = "cluster: shelf\nnodes:\n".to_owned();
        // Machines behind one address differ in both ports.
        for (ssh, node) in (2001..).zip(&self.nodes) {
            let (name, port, address) = (&node.name, node.port, address(&node.name));
            text += &format!("  {name}: {{ address: \"{address}\", ssh_port: {ssh}, agent_port: {port}{more} }}\n");
        }
        self.sandbox.write("inventory.yaml", text);
    }

    /// The cluster's credentials on the master.
    pub fn credentials(&self) -> PathBuf {
        self.sandbox.home().join(".config/td/clusters/shelf")
    }

    /// The folder of a node's own certificates, as it would be /etc/td there.
    pub fn folder(&self, number: usize) -> PathBuf {
        self.sandbox.home().join(format!("node-{}", self.nodes[number].name))
    }

    /// Brings a node what `td-provision certs issue` made for it.
    pub fn bring_certificates(&self, number: usize) {
        let (from, to) = (self.credentials(), self.folder(number));
        let name = self.nodes[number].name.to_lowercase();
        fs::create_dir_all(&to).expect("a folder in the sandbox");
        fs::copy(from.join("ca.pem"), to.join("ca.pem")).expect("the CA");
        fs::copy(from.join(format!("nodes/{name}.pem")), to.join("agent.pem")).expect("the certificate");
        fs::copy(from.join(format!("nodes/{name}.key")), to.join("agent.key")).expect("the key");
    }

    /// The agent's command, with one slot.
    pub fn agent(&self, number: usize) -> Command {
        self.serve(number, self.sandbox.command(programs::binary("td-agent")))
    }

    /// The same for another program that is an agent: arguments are added to `command`.
    pub fn serve(&self, number: usize, mut command: Command) -> Command {
        let node = &self.nodes[number];
        command
            .args(["serve", "--slots", "1", "--name", &node.name])
            .args(["--listen", &format!("[::]:{}", node.port)])
            .arg("--tls")
            .arg(self.folder(number))
            .arg("--cache")
            .arg(self.cache(number));
        command
    }

    /// The folder of a node's cache.
    pub fn cache(&self, number: usize) -> PathBuf {
        self.sandbox.home().join(format!("cache-{}", self.nodes[number].name))
    }

    /// Starts a node's agent and waits until it listens.
    pub fn start_node(&mut self, number: usize) {
        let command = self.agent(number);
        self.start_node_as(number, command);
    }

    /// Starts this command as a node's agent and waits until it listens.
    pub fn start_node_as(&mut self, number: usize, mut command: Command) {
        let mut running = process::start(&mut command);
        let deadline = Instant::now() + LIMIT;
        while !running.err_so_far().contains("listens on") {
            let ended = running.has_ended();
            assert!(!ended && Instant::now() < deadline, "the agent does not listen: {}", running.err_so_far());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.nodes[number].agent = Some(running);
    }

    /// A node's running agent.
    pub fn running(&self, number: usize) -> &Running {
        self.nodes[number].agent.as_ref().expect("the agent runs")
    }

    /// The same, to look whether it has ended.
    pub fn running_mut(&mut self, number: usize) -> &mut Running {
        self.nodes[number].agent.as_mut().expect("the agent runs")
    }

    /// What a node's agent has said so far.
    pub fn said(&self, number: usize) -> String {
        self.running(number).err_so_far()
    }

    /// Ends an agent by a signal and waits for its end.
    pub fn end_node(&mut self, number: usize, signal: rustix::process::Signal) {
        if let Some(running) = self.nodes[number].agent.take() {
            running.signal(signal);
            let _ = running.wait(LIMIT);
        }
    }

    /// Ends all agents in good order, and checks that nothing is left.
    pub fn end(mut self) {
        for number in 0..self.nodes.len() {
            self.end_node(number, rustix::process::Signal::TERM);
        }
        self.sandbox.nothing_left_behind();
    }
}

/// A port that nobody has. Somebody could take it before the agent does; no test here asks for so many that it happens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("[::]:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
