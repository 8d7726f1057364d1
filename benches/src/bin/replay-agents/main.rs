//! Many agents in one process, for `benches/many-agents.sh`: they replay recorded bands to a real master.
//!
//! `replay-agents CREDENTIALS PORT FINGERPRINT PICTURE MAP WORK START NAME...` listens on PORT of every loopback address.
//! Each connection is taken over mutual TLS, with the configuration of a real `td-agent`; the name that the master asks for
//! says which agent is meant. The agents speak td's protocol and have no POV-Ray: the pixels of a strip come from PICTURE,
//! row by row, over and over, encoded by td-agent's own encoder; the time of a band comes from the built-in cost map MAP,
//! so that a job is WORK seconds of work for each agent and a start of POV-Ray START seconds. FINGERPRINT is what a real
//! agent of this machine found. Says "ready" when it listens, and ends when its standard input does.
//!
//! - [`recording`]: pixels and costs; - [`agent`]: one agent's answers; - [`strip`]: one strip's stream; - [`door`]: TLS.

mod agent;
mod door;
mod recording;
mod strip;

use std::collections::HashMap;
use std::error::Error;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::agent::Agent;
use crate::recording::Recording;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The share of this machine's speed that the agents claim, about a Raspberry Pi 1's ...
const SPEED: f64 = 0.016;
/// ... and how wrong each is about it, at most.
const ERROR: f64 = 0.1;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [credentials, port, fingerprint, picture, map, work, start, ref names @ ..] = arguments[..] else {
        return Err("see the text at the head of benches/src/bin/replay-agents/main.rs".into());
    };
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let work: f64 = work.parse()?;
    let recording = Arc::new(Recording::read(Path::new(picture), map, work * names.len() as f64)?);
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(fingerprint)?)?;
    let found: td_agent::fingerprint::Found = serde_json::from_value(found["found"].clone())?;
    let mut agents = HashMap::new();
    for (number, &name) in names.iter().enumerate() {
        let tls = door::config(Path::new(credentials), name)?;
        // Between -1 and 1, spread evenly and the same each time (the golden ratio's multiples).
        let error = (number as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0;
        let mut found = found.clone();
        found.speed *= SPEED * (1.0 + ERROR * error);
        let agent = Agent::new(name, found, start.parse()?, Arc::clone(&recording));
        agents.insert(name.to_owned(), (tls, agent::router(Arc::new(agent))));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("0.0.0.0", port.parse::<u16>()?)).await?;
        println!("ready");
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            never = door::serve(listener, agents) => match never {},
            _ = ended => Ok(()),
        }
    })
}
