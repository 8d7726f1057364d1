//! The probe on the master's own POV-Ray, so that no node spends its time on it.
//!
//! An agent of td's own is started for it while the nodes are asked, and its report counts only where its fingerprint is
//! theirs. The first cut waits for its map, a little (`wait_for_map`). Whatever goes wrong, a node renders the probe as ever.

use std::time::Duration;

use td_protocol::hello::{Fingerprint, PovrayState};
use td_protocol::job::OpenJob;
use td_protocol::probe::{ProbeReport, StartProbe};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::fleet::client::Client;
use crate::fleet::embedded::{self, Embedded};
use crate::render::heard::{Early, EarlyCosts, Heard, ProbeProblem};
use crate::render::kept_open::KeptOpen;
use crate::render::memory;
use crate::render::muster::Where;
use crate::render::opening::{self, Parcel};
use crate::render::probing;

/// How long the agent may take to be there; its first start renders its fingerprint.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long the job waits for it, once the nodes have answered: another render may have it.
const READY_PATIENCE: Duration = Duration::from_secs(2);

/// Threads for the small view at most: beyond, POV-Ray's own start is most of the wait.
const MOST_THREADS: usize = 4;

/// An agent of the master's own, for the probe alone. It ends when this is dropped.
#[derive(Debug)]
pub struct OwnProbe {
    starting: Option<JoinHandle<Option<Ready>>>,
    ready: Option<Ready>,
}

/// The agent, once it is there.
#[derive(Debug)]
pub(super) struct Ready {
    agent: Embedded,
    fingerprint: Fingerprint,
    state_file_proven: bool,
    speed: f64,
}

impl Ready {
    pub(super) const fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn client(&self) -> Client {
        self.agent.client().clone()
    }
}

/// How the master's CPU seconds are made those of a node's slot, and its larger view the one that a node would have rendered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reckoned {
    /// The master's speed over the slot's.
    pub speeds: f64,
    /// The node's pixels over the master's.
    pub pixels: f64,
    /// CPU seconds of the master that the view's pixels would have taken more if its buffer were in a file, as the picture's is.
    pub file: f64,
}

/// What a buffer in a file costs beside one in memory, in CPU seconds for each pixel at speed 1: POV-Ray copies a piece of the file for each
/// row of each block, whatever is in it. Measured: 1.6 s for `blob.pov` at 3200x2400 at a speed of 2.9, a fifth of the whole, and so much
/// that rows of sky cost a third more than a view without lets expect.
const FILE: f64 = 0.6e-6;

/// [`Reckoned::file`] of a view of `pixels` of a picture of this size.
pub(super) fn file_seconds(width: u32, height: u32, pixels: f64, speed: f64) -> f64 {
    if memory::is_in_file(width, height) { FILE * pixels / speed.max(1e-9) } else { 0.0 }
}

impl Reckoned {
    /// The same of a node's slot, with the file's share in each run of rows. A trace that nobody saw stays one.
    fn of(self, costs: EarlyCosts) -> EarlyCosts {
        let file = if costs.trace_cpu > 0.0 { self.file } else { 0.0 };
        let each = file / costs.row_costs.len().max(1) as f64;
        EarlyCosts {
            row_costs: costs.row_costs.into_iter().map(|cost| cost + each).collect(),
            start_cpu: costs.start_cpu * self.speeds,
            trace_cpu: (costs.trace_cpu + file) * self.speeds * self.pixels,
        }
    }
}

impl Drop for OwnProbe {
    fn drop(&mut self) {
        if let Some(starting) = &self.starting {
            starting.abort();
        }
    }
}

impl OwnProbe {
    /// Begins to start the agent; none where the nodes are this machine.
    #[must_use]
    pub fn begin(place: &Where) -> Option<Self> {
        if matches!(place, Where::Embedded { .. }) {
            return None;
        }
        Some(Self { starting: Some(tokio::spawn(start())), ready: None })
    }

    /// The agent, if its POV-Ray draws as the nodes' does.
    pub(super) async fn ready(&mut self, fingerprint: &Fingerprint) -> Option<&Ready> {
        if let Some(starting) = &mut self.starting {
            let started = tokio::time::timeout(READY_PATIENCE, &mut *starting).await;
            starting.abort();
            self.starting = None;
            self.ready = started.ok().and_then(Result::ok).flatten();
        }
        let ready = self.ready.as_ref()?;
        (ready.fingerprint == *fingerprint && ready.state_file_proven).then_some(ready)
    }
}

/// Threads that trace the small view. All wait for it, and the longer they trace, the less the map is blurred.
pub(super) fn threads() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.min(MOST_THREADS) as u32
}

async fn start() -> Option<Ready> {
    // A folder of its own: the agent of a render on this machine holds the other one.
    let cache = embedded::default_cache().ok()?.with_file_name("probe-agent");
    let start = async {
        let agent = Embedded::start(1, &cache).await.map_err(|error| tracing::debug!("no probe here: {error}")).ok()?;
        let hello = agent.client().hello().await.ok()?;
        match hello.povray {
            PovrayState::Ready { fingerprint, state_file_proven, speed } => {
                Some(Ready { agent, fingerprint, state_file_proven, speed })
            }
            PovrayState::Unusable { message } => {
                tracing::debug!("no probe here: {message}");
                None
            }
        }
    };
    tokio::time::timeout(START_PATIENCE, start).await.ok().flatten()
}

/// Ends the agent, and does not wait for it.
pub(super) fn end(probe: Option<OwnProbe>) {
    if let Some(probe) = probe {
        tokio::task::spawn_blocking(move || drop(probe));
    }
}

/// Opens the job on the master's own agent; whether it can be probed there.
pub(super) async fn open(client: &Client, spec: &OpenJob, parcel: &Parcel) -> bool {
    match opening::open(client, spec, parcel, 0).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!("no probe here: {error}");
            false
        }
    }
}

/// Renders the probe in a task of its own and tells the loop.
pub(super) fn spawn(client: Client, job: String, start: StartProbe, reckoned: Reckoned, tell: Sender<Heard>) {
    tokio::spawn(async move {
        let early = |early: Early| {
            let heard = match early {
                // As long as nobody listens, it takes no room from the costs.
                Early::Progress(_) if tell.capacity() <= tell.max_capacity() / 2 => return,
                Early::Progress(progress) => Heard::ViewProgress(progress),
                Early::Costs(costs) => Heard::Costs(reckoned.of(costs)),
            };
            // A loop that is busy hears of it in the report.
            let _ = tell.try_send(heard);
        };
        let open = KeptOpen::on([client.clone()], &job);
        let result = probing::run_and_tell(&client, &job, &start, early).await;
        drop(open);
        let _ = client.close_job(&job).await;
        // The load is that of the master, and tells nothing of the nodes.
        let result = result.map(|report| {
            let ProbeReport { row_costs, start_cpu, trace_cpu, .. } = report;
            let EarlyCosts { row_costs, start_cpu, trace_cpu } =
                reckoned.of(EarlyCosts { row_costs, start_cpu, trace_cpu });
            ProbeReport { trace_seconds: 0.0, start_cpu, trace_cpu, row_costs, ..report }
        });
        let result = match result {
            // A scene that POV-Ray refuses is refused everywhere; anything else is this machine's own trouble.
            Err(ProbeProblem::Failed { failure: td_protocol::strip::Failure::Scene, .. }) | Ok(_) => {
                Heard::Probe(result)
            }
            Err(problem) => Heard::NoOwnProbe(problem),
        };
        let _ = tell.send(result).await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_picture_whose_buffer_is_in_a_file_cost_more_each() {
        // 128 MB are 6.7 million pixels.
        assert!(file_seconds(1600, 1200, 1e6, 3.0).abs() < 1e-12);
        let file = file_seconds(3200, 2400, 1e6, 3.0);
        assert!((file - 0.2).abs() < 1e-9, "{file}");
        assert!((file_seconds(3200, 2400, 1e6, 1.5) - 0.4).abs() < 1e-9, "a slower master takes longer for it");
        let reckoned = Reckoned { speeds: 10.0, pixels: 0.5, file };
        let costs = |row_costs, trace_cpu| EarlyCosts { row_costs, start_cpu: 0.1, trace_cpu };
        let found = reckoned.of(costs(vec![0.1, 0.3], 0.4));
        assert_eq!(found.row_costs, [0.1 + file / 2.0, 0.3 + file / 2.0]);
        assert!((found.start_cpu - 1.0).abs() < 1e-9 && (found.trace_cpu - 3.0).abs() < 1e-9, "{found:?}");
        // What nobody saw is not made up of the file alone.
        let unseen = reckoned.of(costs(Vec::new(), 0.0));
        assert!(unseen.row_costs.is_empty() && unseen.trace_cpu.abs() < 1e-12, "{unseen:?}");
    }
}
