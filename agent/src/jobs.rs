//! Jobs that are open on this agent.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use td_protocol::hello::Fingerprint;
use td_protocol::job::OpenJob;
use td_protocol::strip::Way;

use crate::store::bands::JobBands;
use crate::strip::control::Control;
use crate::strip::standby::Work;

/// One open job.
#[derive(Debug)]
pub struct Job {
    pub spec: OpenJob,
    /// What POV-Ray drew like when the job began here: its bands are kept as drawn by this one.
    pub fingerprint: Fingerprint,
    pub bands: JobBands,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    way: Way,
    strips: HashMap<u64, Arc<Control>>,
    last_heard: Instant,
    closed: bool,
    /// Threads that have POV-Ray ready; none before they were asked for.
    standbys: Option<Vec<SyncSender<Work>>>,
}

impl Job {
    #[must_use]
    pub fn new(spec: OpenJob, fingerprint: Fingerprint, bands: JobBands) -> Self {
        let state = State {
            way: Way::Undecided,
            strips: HashMap::new(),
            last_heard: Instant::now(),
            closed: false,
            standbys: None,
        };
        Self { spec, fingerprint, bands, state: Mutex::new(state) }
    }

    /// The master was heard.
    pub fn heard(&self) {
        self.lock().last_heard = Instant::now();
    }

    /// Whether the master has been silent for longer than the job allows.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let allowed = Duration::try_from_secs_f64(self.spec.silence_timeout).unwrap_or(Duration::MAX);
        self.lock().last_heard.elapsed() > allowed
    }

    /// Enters a strip; its way is the job's once that is decided.
    pub fn enter(&self, lease: u64, control: &Arc<Control>) {
        let mut state = self.lock();
        if state.way != Way::Undecided {
            control.set_way(state.way);
        }
        if state.closed {
            control.cancel();
        }
        state.strips.insert(lease, Arc::clone(control));
    }

    pub fn leave(&self, lease: u64) {
        self.lock().strips.remove(&lease);
    }

    #[must_use]
    pub fn strip(&self, lease: u64) -> Option<Arc<Control>> {
        self.lock().strips.get(&lease).cloned()
    }

    /// Decides how rows leave, for running strips and those to come.
    pub fn set_way(&self, way: Way) {
        let mut state = self.lock();
        if state.way != Way::Writer {
            state.way = way;
        }
        for control in state.strips.values() {
            control.set_way(way);
        }
    }

    /// Makes places for threads that have POV-Ray ready, `count` but for the strips that are there already, and `free` at most:
    /// what each of them is to wait for. Once in a job.
    #[must_use]
    pub fn stand_by(&self, count: usize, free: usize) -> Vec<Receiver<Work>> {
        let mut state = self.lock();
        if state.closed || state.standbys.is_some() {
            return Vec::new();
        }
        // Room for one: who gives work need not wait until the thread takes it.
        let (senders, receivers) = (state.strips.len()..count).map(|_| sync_channel(1)).take(free).unzip();
        state.standbys = Some(senders);
        receivers
    }

    /// Gives a strip to a thread that has POV-Ray ready; where there is none, it comes back.
    #[must_use]
    pub fn give(&self, mut work: Work) -> Option<Work> {
        let mut state = self.lock();
        while let Some(thread) = state.standbys.as_mut().and_then(Vec::pop) {
            match thread.try_send(work) {
                Ok(()) => return None,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => work = back,
            }
        }
        Some(work)
    }

    /// Whether the job was closed: what renders for it has to stop.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether any strip of it has not ended yet.
    #[must_use]
    pub fn is_rendering(&self) -> bool {
        !self.lock().strips.is_empty()
    }

    /// Stops all that renders for this job, for good.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.standbys = None;
        for control in state.strips.values() {
            control.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open jobs by id.
#[derive(Debug, Default)]
pub struct Jobs {
    open: Mutex<HashMap<String, Arc<Job>>>,
}

impl Jobs {
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().get(id).cloned()
    }

    #[must_use]
    pub fn all(&self) -> Vec<Arc<Job>> {
        self.lock().values().cloned().collect()
    }

    /// Opens a job. One of the same id and content stays as it is; one of the same id and other content is stopped
    /// and replaced.
    pub fn open(&self, job: Job) -> Arc<Job> {
        let mut open = self.lock();
        if let Some(same) = open.get(&job.spec.id) {
            if same.spec == job.spec {
                same.heard();
                return Arc::clone(same);
            }
            same.cancel();
        }
        let job = Arc::new(job);
        open.insert(job.spec.id.clone(), Arc::clone(&job));
        job
    }

    pub fn close(&self, id: &str) {
        if let Some(job) = self.lock().remove(id) {
            job.cancel();
        }
    }

    pub fn close_all(&self) {
        for job in self.all() {
            job.cancel();
        }
        self.lock().clear();
    }

    /// Closes the jobs whose master is silent; their finished bands stay in the cache.
    pub fn close_silent(&self) {
        for job in self.all() {
            if job.is_silent() {
                tracing::warn!("the master of job {} is silent: its POV-Rays are stopped", job.spec.id);
                self.close(&job.spec.id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Job>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
