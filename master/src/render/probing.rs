//! The probe: its size, its run on an agent, and what is kept of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::job::OpenJob;
use td_protocol::options::RenderOptions;
use td_protocol::probe::{ProbeEvent, ProbeReport, StartProbe};
use td_protocol::version;

use crate::fleet::client::{AgentError, Client};
use crate::fleet::words;
use crate::render::heard::{Early, EarlyCosts, ProbeProblem};
use crate::schedule::{CostMap, with_jumps};

/// Pixels of a probe at most, and what share of the picture's it may have: it must not cost much.
const MOST_PIXELS: f64 = 160.0 * 120.0;
const SHARE: f64 = 1.0 / 120.0;
/// The same for a view that the master renders itself: as many pixels as it traces in this share of the time that the
/// nodes need for all rows that are wanted, since they wait for it.
const OWN_WAIT: f64 = 0.045;
const MOST_OWN_PIXELS: f64 = 1120.0 * 840.0;
/// Where a single thread traces them they would take too long.
const MOST_OF_ONE_THREAD: f64 = 800.0 * 600.0;
const OWN_SHARES: (f64, f64) = (1.0 / 120.0, 1.0 / 2.0);
/// Fewer pixels tell too little.
const LEAST_PIXELS: f64 = 48.0 * 36.0;

/// Size of the small view: the picture's proportions, and never larger than the picture.
#[must_use]
pub fn size(width: u32, height: u32) -> (u32, u32) {
    let pixels = f64::from(width) * f64::from(height);
    let wanted = (pixels * SHARE).clamp(LEAST_PIXELS, MOST_PIXELS);
    scaled(width, height, wanted)
}

fn scaled(width: u32, height: u32, wanted: f64) -> (u32, u32) {
    let pixels = f64::from(width) * f64::from(height);
    let scale = (wanted / pixels.max(1.0)).sqrt();
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, length.max(1));
    (side(width), side(height))
}

/// Size of the view where the master itself renders it. The longer it traces, the less what else it does blurs the map:
/// on a busy machine a view of 40 ms puts the cut off by a fifth, one of 150 ms by a tenth. `speeds` is the speed
/// of the master's `threads` over that of all slots together. Where only some `rows` of the picture are wanted the view costs so much
/// less: it is of the whole picture all the same.
#[must_use]
pub fn own_size(width: u32, height: u32, rows: u32, speeds: f64, threads: u32) -> (u32, u32) {
    let pixels = f64::from(width) * f64::from(rows.min(height));
    let (least, most) = OWN_SHARES;
    let share = if speeds.is_finite() { (OWN_WAIT * speeds).clamp(least, most) } else { least };
    let most = if threads > 1 { MOST_OWN_PIXELS } else { MOST_OF_ONE_THREAD };
    let wanted = (pixels * share).clamp(LEAST_PIXELS, most);
    scaled(width, height, wanted)
}

/// Runs the probe on `client`'s agent.
///
/// # Errors
/// [`ProbeProblem`].
pub async fn run(client: &Client, job: &str, start: &StartProbe) -> Result<ProbeReport, ProbeProblem> {
    run_and_tell(client, job, start, |_| ()).await
}

/// As [`run`]; `tell` is told how far the view is, and where the cost lies as soon as that is known.
///
/// # Errors
/// [`ProbeProblem`].
pub async fn run_and_tell(
    client: &Client,
    job: &str,
    start: &StartProbe,
    mut tell: impl FnMut(Early),
) -> Result<ProbeReport, ProbeProblem> {
    let mut frames = client.start_probe(job, start).await.map_err(ProbeProblem::Lost)?;
    loop {
        match frames.next::<ProbeEvent>().await.map_err(ProbeProblem::Lost)? {
            Some((ProbeEvent::Alive { progress }, _)) => {
                if let Some(progress) = progress {
                    tell(Early::Progress(progress));
                }
            }
            Some((ProbeEvent::Costs { row_costs, start_cpu, trace_cpu }, _)) => {
                tell(Early::Costs(EarlyCosts { row_costs: with_jumps(&row_costs), start_cpu, trace_cpu }));
            }
            Some((ProbeEvent::Done(report), _)) => {
                return Ok(ProbeReport {
                    reason: words::plain(&report.reason),
                    row_costs: with_jumps(&report.row_costs),
                    ..report
                });
            }
            Some((ProbeEvent::Failed { failure, message, povray }, _)) => {
                let (message, povray) = (words::plain(&message), words::lines(&povray));
                return Err(ProbeProblem::Failed { failure, message, povray });
            }
            None => {
                let (agent, reason) = (client.name().to_owned(), "the probe's answer ended early".to_owned());
                return Err(ProbeProblem::Lost(AgentError::Unreachable { agent, reason }));
            }
        }
    }
}

/// The report with what the rows really cost in place of what the small view let expect: where the next job of the same
/// picture begins. `share` is the small view's share of the whole's pixels, `speed` that of the slot it is reckoned to have
/// run on, `start_work` what a start took in seconds at speed 1.
#[must_use]
pub fn refined(report: &ProbeReport, map: &CostMap, start_work: Option<f64>, share: f64, speed: f64) -> ProbeReport {
    let trace_cpu = map.seconds.map_or(report.trace_cpu, |seconds| seconds * share / speed.max(1e-9));
    let trace_seconds = map.load.map_or(report.trace_seconds, |load| load * trace_cpu);
    let start_cpu = start_work.map_or(report.start_cpu, |work| work / speed.max(1e-9));
    ProbeReport { row_costs: map.costs.clone(), start_cpu, trace_cpu, trace_seconds, ..report.clone() }
}

/// Reports of earlier jobs, by what they depend on.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: Option<PathBuf>,
}

#[derive(Serialize)]
struct Name<'a> {
    td: &'a str,
    bundle: ContentHash,
    options: &'a RenderOptions,
    fingerprint: &'a Fingerprint,
    radiosity: &'a Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    report: ProbeReport,
}

impl Kept {
    /// In the user's cache folder; nowhere when there is none.
    #[must_use]
    pub fn in_cache() -> Self {
        let agent = crate::fleet::embedded::default_cache().ok();
        Self { folder: agent.and_then(|path| path.parent().map(|parent| parent.join("probes"))) }
    }

    #[must_use]
    pub fn get(&self, job: &OpenJob, fingerprint: &Fingerprint) -> Option<ProbeReport> {
        let bytes = std::fs::read(self.path(job, fingerprint)?).ok()?;
        serde_json::from_slice::<Entry>(&bytes).ok().map(|entry| entry.report)
    }

    /// Keeps a report; a cache that cannot be written is no reason to fail.
    pub fn put(&self, job: &OpenJob, fingerprint: &Fingerprint, report: &ProbeReport) {
        let Some(path) = self.path(job, fingerprint) else { return };
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&path);
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&mut file, &Entry { report: report.clone() })?;
            file.persist(&path).map(|_| ()).map_err(|error| error.error)
        };
        if let Err(error) = write() {
            tracing::debug!("the probe's report is not kept: {error}");
        }
    }

    fn path(&self, job: &OpenJob, fingerprint: &Fingerprint) -> Option<PathBuf> {
        let name = Name {
            td: version::TD,
            bundle: job.bundle.id(),
            options: &job.options,
            fingerprint,
            radiosity: &job.radiosity,
        };
        let hash = ContentHash::of(&serde_json::to_vec(&name).ok()?);
        Some(self.folder.as_ref()?.join(hash.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::bundle::Bundle;
    use td_protocol::probe;
    use td_protocol::strip::Way;

    use super::*;

    fn report() -> ProbeReport {
        ProbeReport {
            chunks: Vec::new(),
            way: Way::Writer,
            reason: String::new(),
            row_costs: vec![1.0, 1.0],
            rows_per_cost: 4,
            start_seconds: 0.5,
            start_cpu: 0.4,
            trace_cpu: 2.0,
            trace_seconds: 2.0,
            cut_differences: None,
            warnings: String::new(),
        }
    }

    fn job() -> OpenJob {
        OpenJob {
            id: "one-0-1".to_owned(),
            bundle: Bundle {
                run_dir: String::new(),
                scene: "scene.pov".to_owned(),
                library_paths: Vec::new(),
                files: Vec::new(),
            },
            options: crate::jobs::record::example().options,
            exact: true,
            reuse: true,
            fresh: None,
            radiosity: None,
            stall_timeout: 7200.0,
            silence_timeout: 20.0,
        }
    }

    fn fingerprint() -> Fingerprint {
        Fingerprint { povray: "3.7.0.10".to_owned(), word_size: 64, picture: ContentHash::of(b"a small scene") }
    }

    #[test]
    fn the_next_job_of_a_picture_has_what_the_last_one_kept() {
        let folder = tempfile::tempdir().unwrap();
        // It is made when something is kept.
        let kept = Kept { folder: Some(folder.path().join("td/probes")) };
        assert_eq!(kept.get(&job(), &fingerprint()), None);
        kept.put(&job(), &fingerprint(), &report());
        let corrected = ProbeReport { row_costs: vec![1.0, 2.0, 3.0], trace_cpu: 3.0, ..report() };
        kept.put(&job(), &fingerprint(), &corrected);
        // Another job, another run, other patience: the same picture.
        let later = OpenJob { id: "two-0-3".to_owned(), reuse: false, stall_timeout: 1.0, ..job() };
        assert_eq!(Kept::clone(&kept).get(&later, &fingerprint()), Some(corrected));
        assert_eq!(std::fs::read_dir(folder.path().join("td/probes")).unwrap().count(), 1, "nothing beside it");
    }

    #[test]
    fn what_is_kept_is_of_no_other_picture() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { folder: Some(folder.path().to_owned()) };
        kept.put(&job(), &fingerprint(), &report());
        let mut larger = job();
        larger.options.width += 1;
        let mut switched = job();
        switched.options.switches.push("+A0.3".to_owned());
        let mut other_scene = job();
        other_scene.bundle.scene = "other.pov".to_owned();
        let second_pass = OpenJob { radiosity: Some("saved.rca".to_owned()), ..job() };
        for other in [larger, switched, other_scene, second_pass] {
            assert_eq!(kept.get(&other, &fingerprint()), None, "{other:?}");
        }
        for other in [
            Fingerprint { word_size: 32, ..fingerprint() },
            Fingerprint { povray: "3.7.0.8".to_owned(), ..fingerprint() },
            Fingerprint { picture: ContentHash::of(b"drawn otherwise"), ..fingerprint() },
        ] {
            assert_eq!(kept.get(&job(), &other), None, "{other:?}");
        }
        assert_eq!(kept.get(&job(), &fingerprint()), Some(report()));
    }

    #[test]
    fn a_cache_that_is_damaged_or_cannot_be_written_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { folder: Some(folder.path().join("probes")) };
        kept.put(&job(), &fingerprint(), &report());
        let path = kept.path(&job(), &fingerprint()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(kept.get(&job(), &fingerprint()), None);
        kept.put(&job(), &fingerprint(), &report());
        assert_eq!(kept.get(&job(), &fingerprint()), Some(report()));

        std::fs::write(folder.path().join("file"), "").unwrap();
        for folder in [None, Some(folder.path().join("file/probes"))] {
            let nowhere = Kept { folder };
            nowhere.put(&job(), &fingerprint(), &report());
            assert_eq!(nowhere.get(&job(), &fingerprint()), None);
        }
    }

    #[test]
    fn a_refined_report_tells_the_whole_pictures_seconds() {
        let report = report();
        let map = CostMap { costs: vec![10.0, 20.0, 30.0], seconds: Some(60.0), load: None };
        let refined = refined(&report, &map, Some(0.9), 0.01, 1.0);
        assert_eq!(refined.row_costs, map.costs);
        // What the next job makes of it: the seconds of the small view over its share of the pixels.
        assert!((refined.trace_cpu / 0.01 - 60.0).abs() < 1e-9);
        assert!((refined.start_cpu - 0.9).abs() < 1e-9);
        let before = ProbeReport { row_costs: report.row_costs.clone(), trace_cpu: 2.0, start_cpu: 0.4, ..refined };
        assert_eq!(before, report);
    }

    #[test]
    fn a_probe_is_small_and_never_larger_than_the_picture() {
        assert_eq!(size(6400, 4800), (160, 120));
        assert_eq!(size(800, 600), (73, 55));
        // Eight of a sixtieth of the master's speed; then one as fast as the master.
        assert_eq!(super::own_size(6400, 4800, 4800, 7.8, 1), (800, 600));
        assert_eq!(super::own_size(6400, 4800, 4800, 15.6, 2), (1120, 840));
        // Of 64 rows.
        assert_eq!(super::own_size(6400, 4800, 64, 2.0, 2), (222, 166));
        assert_eq!(super::own_size(6400, 4800, 9999, 15.6, 2), (1120, 840));
        assert_eq!(super::own_size(800, 600, 600, 7.8, 1), (474, 355));
        assert_eq!(super::own_size(800, 600, 600, 15.6, 2), (566, 424));
        assert_eq!(super::own_size(400, 20, 20, 7.8, 1), (237, 12));
        assert_eq!(super::own_size(400, 15, 15, 7.8, 1).1, 9);
        assert_eq!(super::own_size(800, 600, 600, 1.0, 1), (170, 127));
        assert_eq!(super::own_size(800, 600, 600, f64::NAN, 2), (73, 55));
        for (width, height) in [(6400, 4800), (12_800, 9600), (65_500, 17), (999, 65_500)] {
            let (own_width, own_height) = super::own_size(width, height, height, f64::INFINITY, 4);
            assert!(u64::from(own_width) * u64::from(own_height) <= probe::MOST_PIXELS);
            let (own_width, own_height) = super::own_size(width, height, height, 1e9, 4);
            assert!(u64::from(own_width) * u64::from(own_height) <= probe::MOST_PIXELS, "{own_width}x{own_height}");
        }
        assert_eq!(size(33, 1), (33, 1));
        assert_eq!(size(1, 33), (1, 33));
        let (width, height) = size(65_500, 100);
        assert!(width <= 65_500 && (1..=100).contains(&height));
    }
}
