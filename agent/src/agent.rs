//! The agent's state: what it can do, what it keeps, which jobs are open.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use td_protocol::health::{self, Look, Report};
use td_protocol::hello::{Fingerprint, Hello};
use td_protocol::job::{JobOpened, OpenJob};
use td_protocol::share::{ShareRole, Shared};
use td_protocol::version;

use crate::health::look::boot;
use crate::health::root::Root;
use crate::health::{Health, kept};
use crate::jobs::{Job, Jobs};
use crate::povray::locate::Povray;
use crate::priority;
use crate::renderer::{Renderer, Search, Wanted};
use crate::scratch;
use crate::slots::Slots;
use crate::spares::Spares;
use crate::store::bands::Bands;
use crate::store::blobs::Blobs;
use crate::store::share::{Share, ShareError};
use crate::view::Site;

/// How an agent is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    pub name: String,
    pub slots: u32,
    /// POV-Rays that are ready before there is a strip for them, at most.
    pub spares: u32,
    /// Bits of the POV-Ray to render with; `None`: those of the one that is there.
    pub povray_word_size: Option<u32>,
    /// Folder for contents, bands and scratch; nobody else's.
    pub cache: PathBuf,
    /// Bytes that contents of bundles may take.
    pub blob_bound: u64,
    /// Bytes that finished bands may take.
    pub band_bound: u64,
    /// What it does with the cluster's share, and where that is.
    pub share: Option<(ShareRole, PathBuf)>,
    /// Where the node's own files lie: `/`.
    pub root: PathBuf,
    /// The end of the node's certificate, seconds since 1970.
    pub certificate_end: Option<f64>,
    /// Whether it stays: then it keeps a history of the node's health, and POV-Ray gives way to its server.
    pub is_service: bool,
}

#[derive(Debug)]
pub struct Agent {
    setup: Setup,
    pub blobs: Blobs,
    pub bands: Bands,
    share: Option<Share>,
    pub jobs: Jobs,
    pub slots: Arc<Slots>,
    pub spares: Spares,
    pub health: Health,
    search: Search,
    /// Set when the agent is told to end.
    ending: Arc<AtomicBool>,
}

/// Why a job or a strip was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Unusable(String),
    #[error("{0}")]
    Wrong(String),
    #[error("there is no open job {0} here")]
    NoJob(String),
    #[error("POV-Ray was replaced since the job began, and the new one draws otherwise")]
    Replaced,
}

impl Agent {
    /// Opens the folders and starts to find out what POV-Ray is like here.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open(setup: Setup) -> io::Result<Arc<Self>> {
        let blobs = Blobs::open(setup.cache.join("blobs"), setup.blob_bound)?;
        let bands = Bands::open(setup.cache.join("bands"), setup.band_bound)?;
        let scratch = setup.cache.join("scratch");
        // What lies here was left by an agent that was killed; its POV-Rays died with it.
        match std::fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&scratch)?,
        }
        let ending = Arc::new(AtomicBool::new(false));
        let wanted = Wanted {
            word_size: setup.povray_word_size,
            cache: setup.cache.clone(),
            scratch,
            blobs: blobs.clone(),
            gives_way: setup.is_service,
        };
        let search = Search::begin(wanted, Arc::clone(&ending))?;
        let slots = Slots::new(setup.slots);
        let spares = Spares::new(setup.spares as usize, setup.is_service);
        let share = setup.share.clone().map(|(role, folder)| Share::new(role, folder, setup.blob_bound));
        let health = Health::new(Root::new(&setup.root), &setup.cache, setup.certificate_end, setup.is_service);
        Ok(Arc::new(Self { setup, blobs, bands, share, jobs: Jobs::default(), slots, spares, health, search, ending }))
    }

    /// Ends all that renders, the fingerprint's scene too.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.jobs.close_all();
        self.spares.end();
    }

    /// Has POV-Ray ready for a job that comes later, if nobody wants anything now. An agent that came with its master goes with
    /// it.
    pub async fn have_spares(&self) {
        if !self.setup.is_service {
            return;
        }
        let Ok((povray, _)) = self.usable().await else { return };
        // A job has its own, and at its end this is asked for again.
        if !self.jobs.all().is_empty() {
            return;
        }
        if let Err(error) = self.spares.fill(&povray, &self.scratch_folder()) {
            tracing::debug!("no POV-Ray ready: {error}");
        }
    }

    /// Has POV-Ray ready for the first strips of a job, in so many free slots.
    ///
    /// # Errors
    /// [`Refused`] when the job is not open or there is no POV-Ray for it, or no thread can be started.
    pub async fn stand_by(&self, job: &str, count: usize) -> Result<(), Refused> {
        let job = self.job(job)?;
        let site = self.site(Arc::clone(&job)).await?;
        for work in job.stand_by(count, self.slots.free()) {
            let standing_by = self.spares.stand_by((site.clone(), work));
            standing_by.map_err(|error| Refused::Unusable(format!("cannot start a thread: {error}")))?;
        }
        Ok(())
    }

    /// What a render of a job needs.
    ///
    /// # Errors
    /// As [`Self::povray_for`].
    pub async fn site(&self, job: Arc<Job>) -> Result<Site, Refused> {
        let povray = self.povray_for(&job).await?;
        Ok(Site { povray, blobs: self.blobs.clone(), scratch: self.scratch_folder(), job })
    }

    /// What this node says of its health. Waits neither for the fingerprint nor for anything that can hang; with `deep` some
    /// MB are written.
    pub async fn report(&self, deep: bool) -> Report {
        let (write_rate, write_problem) = match deep {
            true => self.health.write_rate().await.map_or_else(|why| (None, Some(why)), |rate| (Some(rate), None)),
            false => (None, None),
        };
        let (look, probed, unprobed, look_problem) = match self.health.look().await {
            Ok((look, Ok(probed))) => (look, Some(probed), None, None),
            Ok((look, Err(why))) => (look, None, Some(why), None),
            Err(why) => (Look::default(), None, Some(why.clone()), Some(why)),
        };
        let ages = probed.as_ref().map(|probed| kept::ages(probed, boot::clock()));
        let (fast_age, slow_age) = ages.unwrap_or_default();
        Report {
            version: health::VERSION,
            td: version::TD.to_owned(),
            name: self.setup.name.clone(),
            clock: Some(boot::date()),
            slots: Some(self.setup.slots),
            busy: Some(self.slots.busy()),
            povray: self.search.at_once().map(Into::into),
            certificate_end: self.health.certificate_end,
            look,
            look_problem,
            probed,
            unprobed,
            shut_down_in_order: self.health.shut_down_in_order(),
            write_rate,
            write_problem,
            fast_age,
            slow_age,
        }
    }

    /// Called in each thread that starts POV-Rays; these give way to it in turn.
    pub fn give_way(&self) {
        if self.setup.is_service {
            priority::give_way();
        }
    }

    #[must_use]
    pub fn scratch_folder(&self) -> PathBuf {
        self.setup.cache.join("scratch")
    }

    /// The answer to a master's first question. Waits for the fingerprint.
    pub async fn hello(&self) -> Hello {
        let povray = self.search.look().await.into();
        Hello {
            protocol: version::PROTOCOL,
            td: version::TD.to_owned(),
            name: self.setup.name.clone(),
            slots: self.setup.slots,
            povray,
            memory_available: memory_available(),
            scratch_available: scratch::available(&self.setup.cache),
            share: self.share.as_ref().map(Share::role),
        }
    }

    /// Lays the contents of a job's bundle on the share, or takes from there what is missing here.
    ///
    /// # Errors
    /// [`ShareError`].
    pub async fn exchange(&self, job: &Job) -> Result<Shared, ShareError> {
        let share = self.share.as_ref().ok_or(ShareError::None)?;
        let open: Vec<_> = self.jobs.all().iter().map(|job| job.spec.bundle.clone()).collect();
        share.exchange(&self.blobs, &job.spec.bundle, &open).await
    }

    /// POV-Ray and its fingerprint.
    ///
    /// # Errors
    /// [`Refused::Unusable`] with the sentence of the hello.
    pub async fn usable(&self) -> Result<(Arc<Povray>, Fingerprint), Refused> {
        usable(self.search.known().await)
    }

    /// POV-Ray for a strip of a job, looked for again where its program was replaced.
    ///
    /// # Errors
    /// [`Refused::Unusable`], and [`Refused::Replaced`] where it draws otherwise than the one with which the job began.
    pub async fn povray_for(&self, job: &Job) -> Result<Arc<Povray>, Refused> {
        let (povray, now) = usable(self.search.look().await)?;
        if now == job.fingerprint { Ok(povray) } else { Err(Refused::Replaced) }
    }

    /// Opens a job, or tells what of an open one is still missing.
    ///
    /// # Errors
    /// [`Refused`] when the job's content is not acceptable or there is no POV-Ray.
    pub async fn open_job(&self, spec: OpenJob) -> Result<JobOpened, Refused> {
        if !td_protocol::job::is_job_id(&spec.id) {
            return Err(Refused::Wrong(format!("{:?} cannot be a job's id", spec.id)));
        }
        spec.bundle.check().map_err(|error| Refused::Wrong(error.to_string()))?;
        spec.check().map_err(|error| Refused::Wrong(error.to_string()))?;
        let (_, fingerprint) = self.usable().await?;
        let bands = self.bands.of_job(&spec, &fingerprint);
        // The first time in this process each content is read through: not here, where all requests wait.
        let (blobs, bundle) = (self.blobs.clone(), spec.bundle.clone());
        let (kept, reuse, fresh) = (bands.clone(), spec.reuse, spec.fresh.clone());
        let looked = tokio::task::spawn_blocking(move || {
            // Where old bands cannot be removed none are offered.
            let begun = fresh.map_or(Ok(()), |name| kept.begin_anew(&name));
            let may =
                reuse && begun.inspect_err(|error| tracing::warn!("finished bands are not removed: {error}")).is_ok();
            (blobs.missing(&bundle), if may { kept.finished() } else { Vec::new() })
        });
        let (missing, finished) =
            looked.await.map_err(|error| Refused::Wrong(format!("the scene's files cannot be read: {error}")))?;
        self.jobs.open(Job::new(spec, fingerprint, bands));
        self.make_room().await;
        Ok(JobOpened { missing, finished })
    }

    /// Removes what is kept beyond its bounds, of size and of time; what open jobs need stays.
    pub async fn make_room(&self) {
        let (blobs, bands, open) = (self.blobs.clone(), self.bands.clone(), self.jobs.all());
        // Not here, where all requests wait.
        let made = tokio::task::spawn_blocking(move || {
            blobs.evict(open.iter().map(|job| &job.spec.bundle));
            bands.evict(open.iter().map(|job| &job.bands));
        });
        if let Err(error) = made.await {
            tracing::warn!("no room was made: {error}");
        }
    }

    /// An open job, marked as heard of.
    ///
    /// # Errors
    /// [`Refused::NoJob`].
    pub fn job(&self, id: &str) -> Result<Arc<Job>, Refused> {
        let job = self.jobs.get(id).ok_or_else(|| Refused::NoJob(id.to_owned()))?;
        job.heard();
        Ok(job)
    }
}

fn usable(renderer: Renderer) -> Result<(Arc<Povray>, Fingerprint), Refused> {
    match renderer {
        Renderer::Ready { povray, fingerprint, .. } => Ok((povray, fingerprint)),
        Renderer::Unusable { message } => Err(Refused::Unusable(message)),
    }
}

/// `MemAvailable` of /proc/meminfo in bytes; 0 where it cannot be read.
fn memory_available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.unwrap_or(0).saturating_mul(1024)
}
