//! Which jobs are forgotten. No I/O: what is known goes in, what is to be removed comes out.

/// How much of old jobs is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Small records of jobs that have ended for good.
    pub ended: usize,
    /// Unfinished jobs, whose rows are kept so that they can be resumed.
    pub unfinished: usize,
    /// Bytes of all unfinished jobs together; the newest is kept whatever its size.
    pub bytes: u64,
    /// Seconds since an unfinished job was last heard of.
    pub age: f64,
}

/// What docs/jobs.md promises.
pub const BOUNDS: Bounds = Bounds { ended: 50, unfinished: 20, bytes: 8 << 30, age: 30.0 * 86_400.0 };

/// What the decision needs of one job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// When it was last heard of, in seconds since 1970.
    pub heard: f64,
    pub bytes: u64,
    pub unfinished: bool,
    /// A td works on it: it is neither counted nor removed.
    pub running: bool,
}

/// Why an unfinished job goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Age,
    Count,
    Bytes,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Age => write!(f, "it was not resumed for {:.0} days", BOUNDS.age / 86_400.0),
            Self::Count => write!(f, "more than {} unfinished jobs are not kept", BOUNDS.unfinished),
            Self::Bytes => write!(f, "unfinished jobs took more than {} GB", BOUNDS.bytes >> 30),
        }
    }
}

/// The places in `jobs` of those that go, and why.
#[must_use]
pub fn to_remove(now: f64, jobs: &[Kept], bounds: &Bounds) -> Vec<(usize, Reason)> {
    let mut newest_first: Vec<usize> = (0..jobs.len()).filter(|&index| !jobs[index].running).collect();
    newest_first.sort_by(|&a, &b| jobs[b].heard.total_cmp(&jobs[a].heard));
    let mut removed = Vec::new();
    let (mut ended, mut unfinished, mut bytes) = (0, 0, 0_u64);
    for index in newest_first {
        let job = jobs[index];
        if !job.unfinished {
            ended += 1;
            if ended > bounds.ended {
                removed.push((index, Reason::Count));
            }
            continue;
        }
        let with_it = bytes.saturating_add(job.bytes);
        let reason = if now - job.heard > bounds.age {
            Reason::Age
        } else if unfinished >= bounds.unfinished {
            Reason::Count
        } else if unfinished > 0 && with_it > bounds.bytes {
            Reason::Bytes
        } else {
            unfinished += 1;
            bytes = with_it;
            continue;
        };
        removed.push((index, reason));
    }
    removed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Bounds = Bounds { ended: 2, unfinished: 2, bytes: 100, age: 50.0 };

    fn unfinished(heard: f64, bytes: u64) -> Kept {
        Kept { heard, bytes, unfinished: true, running: false }
    }

    #[test]
    fn the_oldest_go_first_and_each_bound_holds() {
        let ended = |heard| Kept { heard, bytes: 0, unfinished: false, running: false };
        let jobs = [ended(1.0), ended(3.0), ended(2.0)];
        assert_eq!(to_remove(10.0, &jobs, &SMALL), [(0, Reason::Count)]);
        let jobs = [unfinished(1.0, 1), unfinished(3.0, 1), unfinished(2.0, 1)];
        assert_eq!(to_remove(10.0, &jobs, &SMALL), [(0, Reason::Count)]);
        assert_eq!(to_remove(52.5, &jobs, &SMALL), [(2, Reason::Age), (0, Reason::Age)]);
        let jobs = [unfinished(1.0, 60), unfinished(2.0, 60)];
        assert_eq!(to_remove(10.0, &jobs, &SMALL), [(0, Reason::Bytes)]);
        assert_eq!(to_remove(10.0, &[unfinished(1.0, 1000)], &SMALL), [], "the newest may be large");
    }

    fn any_job() -> impl Strategy<Value = Kept> {
        (0..100u8, 0..80u64, any::<bool>(), any::<bool>()).prop_map(|(heard, bytes, unfinished, running)| Kept {
            heard: f64::from(heard),
            bytes,
            unfinished,
            running,
        })
    }

    proptest! {
        #[test]
        fn what_stays_is_within_the_bounds_and_running_jobs_stay(jobs in prop::collection::vec(any_job(), 0..30)) {
            let removed = to_remove(100.0, &jobs, &SMALL);
            let gone: Vec<usize> = removed.iter().map(|(index, _)| *index).collect();
            let stay = |unfinished| {
                let jobs = jobs.iter().enumerate().filter(|(index, _)| !gone.contains(index)).map(|(_, job)| job);
                jobs.filter(|job| !job.running && job.unfinished == unfinished).copied().collect::<Vec<Kept>>()
            };
            prop_assert!(gone.iter().all(|&index| !jobs[index].running));
            prop_assert!(stay(false).len() <= SMALL.ended && stay(true).len() <= SMALL.unfinished);
            let bytes: u64 = stay(true).iter().map(|job| job.bytes).sum();
            prop_assert!(bytes <= SMALL.bytes || stay(true).len() == 1);
            prop_assert!(stay(true).iter().all(|job| 100.0 - job.heard <= SMALL.age));
        }
    }
}
