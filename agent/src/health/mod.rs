//! What this node says of its health: facts, of which the master judges.
//!
//! [`look`] is what any program may see, read at each request. [`probe`] is what takes root; it runs by itself, once a
//! minute, and leaves a file ([`kept`]) that the server passes on with its age. So the server needs no rights, and waits
//! for nothing that can hang: not for POV-Ray, not for a share, not for the firmware. [`history`] keeps a day of samples,
//! [`boots`] whether the machine was shut down in order.
//!
//! Each source is a module with its parser apart from the reading; all paths lie below a [`root::Root`] that tests set.

pub mod boots;
pub mod certificate;
pub mod children;
pub mod deep;
pub mod history;
pub mod kept;
pub mod look;
pub mod probe;
pub mod root;
pub mod textfile;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use td_protocol::health::{Look, Place, Probed, Sample};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use boots::Boots;
use history::History;
use root::Root;

/// A look takes milliseconds. One that takes longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for some MB onto a card, and for somebody else who asked for it a moment before.
const WRITING: Duration = Duration::from_secs(20);

/// Seconds. What a probe saw that was stopped is nothing of the moment for which a sample stands.
const STALE: f64 = 300.0;

/// What the server knows of the node it runs on.
#[derive(Debug)]
pub struct Health {
    root: Root,
    cache: PathBuf,
    /// The end of the node's certificate, seconds since 1970.
    pub certificate_end: Option<f64>,
    kept: Option<Kept>,
    /// Held while somebody looks. Should a look hang, it hangs in one thread, and in no other.
    looking: Arc<Mutex<()>>,
    /// Held while somebody writes for `deep`.
    writing: Arc<Mutex<()>>,
}

/// What an agent that runs as a service keeps in its cache; one that runs for a single render does not.
#[derive(Debug)]
struct Kept {
    boots: Boots,
    history: Option<History>,
}

impl Health {
    /// Of the node below `root`. With `keeps` there is a history, and a mark of how boots end.
    #[must_use]
    pub fn new(root: Root, cache: &Path, certificate_end: Option<f64>, keeps: bool) -> Self {
        let kept = keeps.then(|| {
            let boot_id = look::boot::id(&root).unwrap_or_default();
            let history = History::open(cache);
            if let Err(error) = &history {
                tracing::warn!("no history is kept in {}: {error}", cache.display());
            }
            Kept { boots: Boots::begin(cache, &boot_id), history: history.ok() }
        });
        let (looking, writing) = (Arc::default(), Arc::default());
        Self { root, cache: cache.to_owned(), certificate_end, kept, looking, writing }
    }

    /// What can be seen now, and what the probe saw.
    ///
    /// # Errors
    /// A sentence, when the look hangs, or an earlier one does: then nothing is known, which is not the same as that all is
    /// well.
    pub async fn look(&self) -> Result<(Look, Result<Probed, String>), String> {
        let hangs = || format!("a look at the node's own files takes longer than {} s", PATIENCE.as_secs());
        let held = tokio::time::timeout(PATIENCE, Arc::clone(&self.looking).lock_owned()).await;
        let held = held.map_err(|_| hangs())?;
        let (root, cache) = (self.root.clone(), self.cache.clone());
        let look = apart(held, move || (look::look(&root, &cache), kept::read(&root)));
        tokio::time::timeout(PATIENCE, look).await.ok().flatten().ok_or_else(hangs)
    }

    /// Bytes per second onto the cache's disk.
    ///
    /// # Errors
    /// A sentence, where the disk refuses, or takes too long.
    pub async fn write_rate(&self) -> Result<f64, String> {
        let cache = self.cache.clone();
        let written = async {
            let held = Arc::clone(&self.writing).lock_owned().await;
            apart(held, move || deep::write_rate(&cache)).await
        };
        match tokio::time::timeout(WRITING, written).await {
            Ok(Some(Ok(rate))) => Ok(rate),
            Ok(Some(Err(error))) => Err(error.to_string()),
            _ => Err(format!("a file of 4 MB takes longer than {} s", WRITING.as_secs())),
        }
    }

    #[must_use]
    pub fn shut_down_in_order(&self) -> Option<bool> {
        self.kept.as_ref()?.boots.shut_down_in_order()
    }

    /// The samples of the last `seconds`.
    #[must_use]
    pub fn history(&self, seconds: f64, now: f64) -> Vec<Sample> {
        let history = self.kept.as_ref().and_then(|kept| kept.history.as_ref());
        history.map(|history| history.since(seconds, now)).unwrap_or_default()
    }

    /// Whether samples are taken at all.
    #[must_use]
    pub fn keeps_history(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.history.is_some())
    }

    /// Takes a sample, with `busy` slots.
    pub async fn sample(&self, busy: u32) {
        let Some(history) = self.kept.as_ref().and_then(|kept| kept.history.as_ref()) else { return };
        let (look, probed) = self.look().await.unwrap_or_else(|why| (Look::default(), Err(why)));
        let fresh =
            probed.ok().filter(|probed| kept::ages(probed, look::boot::clock()).0.is_some_and(|age| age < STALE));
        if let Err(error) = history.push(sample(&look, fresh.as_ref(), busy)) {
            tracing::warn!("the history is not written: {error}");
        }
    }

    /// Writes what is not written yet: the agent was told to stop.
    pub fn end(&self) {
        let Some(kept) = &self.kept else { return };
        kept.boots.end();
        if let Some(Err(error)) = kept.history.as_ref().map(History::flush) {
            tracing::warn!("the end of the history is lost: {error}");
        }
    }
}

/// What is kept of a look.
fn sample(look: &Look, probed: Option<&Probed>, busy: u32) -> Sample {
    let firmware = probed.and_then(|probed| probed.fast.as_ref()).and_then(|fast| fast.firmware);
    Sample {
        at: look::boot::date(),
        temperature: look.temperature.or(firmware.and_then(|firmware| firmware.temperature)),
        load: look.load.map(|load| load.one),
        memory_available: look.memory.map(|memory| memory.available),
        swap_used: look.memory.map(|memory| memory.swap_total.saturating_sub(memory.swap_free)),
        arm_clock: look.arm_clock.or(firmware.and_then(|firmware| firmware.arm_clock)),
        throttled: firmware.and_then(|firmware| firmware.throttled),
        busy: Some(busy),
        scratch_free: look.disk(Place::Scratch).map(|disk| disk.free),
    }
}

/// Runs `work` in a thread that keeps the lock for as long as it takes, whether anybody still waits for it or not.
async fn apart<T: Send + 'static>(held: OwnedMutexGuard<()>, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, hear) = oneshot::channel();
    // In a box, so that tokio's part is there once for all kinds of work.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        let done = work();
        drop(held);
        let _ = tell.send(done);
    });
    tokio::task::spawn_blocking(work);
    hear.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn samples_are_told_and_kept() {
        let (dir, root) = node(&[("/proc/loadavg", "1.50 1 1 1/1 1\n"), ("/proc/sys/kernel/random/boot_id", "a\n")]);
        let cache = dir.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        let health = Health::new(root.clone(), &cache, None, true);
        runtime().block_on(async {
            health.sample(1).await;
            let (look, probed) = health.look().await.unwrap();
            assert_eq!((look.boot_id.as_deref(), probed.is_err()), (Some("a"), true));
            assert!(health.write_rate().await.unwrap() > 0.0);
            let nowhere = Health::new(root.clone(), &dir.path().join("none"), None, false);
            assert!(nowhere.write_rate().await.unwrap_err().contains("No such file"));
        });
        let now = look::boot::date();
        let told = health.history(60.0, now);
        assert_eq!((told.len(), told[0].load, told[0].busy), (1, Some(1.5), Some(1)));
        health.end();
        let again = Health::new(root, &cache, None, true);
        assert_eq!(again.history(60.0, now), told);
    }

    #[test]
    fn what_a_stopped_probe_saw_is_no_sample() {
        let (dir, root) = node(&[("/proc/loadavg", "1.50 1 1 1/1 1\n"), ("/run/td/x", "")]);
        let health = Health::new(root.clone(), dir.path(), None, true);
        let mut bits = Vec::new();
        for age in [10.0, STALE + 10.0] {
            let fast = json(look::boot::clock() - age);
            std::fs::write(root.path(kept::FILE), fast).unwrap();
            runtime().block_on(health.sample(0));
            bits.push(health.history(60.0, look::boot::date()).last().unwrap().throttled);
        }
        assert_eq!(bits, [Some(4), None]);
    }

    fn json(at: f64) -> String {
        format!("{{\"fast\":{{\"at\":{at},\"firmware\":{{\"throttled\":4}}}}}}")
    }

    #[test]
    fn an_agent_for_one_render_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let health = Health::new(Root::new("/"), dir.path(), None, false);
        runtime().block_on(health.sample(1));
        health.end();
        assert_eq!((health.history(60.0, look::boot::date()).len(), health.shut_down_in_order()), (0, None));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_look_that_hangs_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let health = Health::new(Root::new("/"), dir.path(), None, false);
        runtime().block_on(async {
            let _held = Arc::clone(&health.looking).lock_owned().await;
            for _ in 0..2 {
                assert!(health.look().await.unwrap_err().contains("takes longer than 1 s"));
            }
        });
    }

    /// A file that is never there to be read, as on a disk that hangs.
    #[test]
    fn files_that_hang_are_told_and_not_taken_for_well() {
        let (dir, root) = node(&[("/proc/loadavg", "1.50 1 1 1/1 1\n")]);
        let uptime = root.path("/proc/uptime");
        let made = std::process::Command::new("mkfifo").arg(&uptime).status();
        assert!(made.unwrap().success());
        let health = Health::new(root, dir.path(), None, false);
        let runtime = runtime();
        runtime.block_on(async {
            for _ in 0..2 {
                assert!(health.look().await.unwrap_err().contains("takes longer than 1 s"));
            }
        });
        // Or the thread that reads there would keep this one.
        std::fs::write(&uptime, "1 1\n").unwrap();
    }
}
