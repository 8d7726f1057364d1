//! What a job's records say together.

use td_protocol::probe::ProbeReport;

use super::record::{
    AttemptRecord, CrewRecord, DisputeRecord, EndRecord, FirstPassRecord, JobRecord, NodeOutRecord, PictureRecord,
    ProbeRecord, Record, RunRecord,
};

/// A job as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub job: JobRecord,
    /// Oldest first; empty where td was killed before its first.
    pub runs: Vec<RunRecord>,
    /// The last one.
    pub attempt: Option<AttemptRecord>,
    /// Who drew the rows of the last attempt.
    pub crew: Option<CrewRecord>,
    pub first_pass: Option<FirstPassRecord>,
    /// The report of the probe that tried whether strips are exact.
    pub cut_report: Option<ProbeReport>,
    /// The report of the probe that the rows are rendered with.
    pub report: Option<ProbeReport>,
    /// No row is missing.
    pub complete: bool,
    pub picture: Option<PictureRecord>,
    /// Nodes that drew wrong: they take no part any more.
    pub out: Vec<NodeOutRecord>,
    /// Rows that nodes drew differently, nobody knows who right: they are to be verified.
    pub disputes: Vec<DisputeRecord>,
    /// How the last run ended; none while it runs and where it was killed.
    pub end: Option<EndRecord>,
}

/// A journal that does not begin with the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not say what was to be rendered")]
pub struct NoJob;

impl History {
    /// # Errors
    /// [`NoJob`].
    pub fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, NoJob> {
        let mut records = records.into_iter();
        let Some(Record::Job(job)) = records.next() else { return Err(NoJob) };
        let mut history = Self::begun(*job);
        for record in records {
            history.add(record);
        }
        Ok(history)
    }

    /// A job of which nothing but the beginning is written.
    #[must_use]
    pub const fn begun(job: JobRecord) -> Self {
        Self {
            job,
            runs: Vec::new(),
            attempt: None,
            crew: None,
            first_pass: None,
            cut_report: None,
            report: None,
            complete: false,
            picture: None,
            out: Vec::new(),
            disputes: Vec::new(),
            end: None,
        }
    }

    /// Goes on with the next record.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Run(run) => {
                self.runs.push(run);
                self.end = None;
            }
            Record::Attempt(attempt) => {
                // With other files it is another picture.
                if self.attempt.as_ref().is_some_and(|before| before.number != attempt.number) {
                    self.forget_attempt();
                }
                self.attempt = Some(attempt);
            }
            Record::Crew(crew) => self.crew = Some(crew),
            Record::FirstPass(pass) => {
                self.first_pass = Some(pass);
                self.report = None;
            }
            Record::Probe(ProbeRecord { cut: true, report }) => self.cut_report = Some(report),
            Record::Probe(ProbeRecord { cut: false, report }) => self.report = Some(report),
            Record::Complete(_) => self.complete = true,
            Record::Picture(picture) => self.picture = Some(picture),
            Record::Output(output) => {
                self.job.output = output.output;
                self.job.replaces = output.replaces;
                self.picture = None;
            }
            Record::Seams(seams) => self.job.seams = Some(seams.choice),
            Record::NodeOut(out) => {
                self.out.push(out);
                // Its rows are missing again.
                self.complete = false;
            }
            Record::Dispute(dispute) => {
                if !self.disputes.contains(&dispute) {
                    self.disputes.push(dispute);
                }
            }
            Record::Agents(agents) => self.job.agents = agents,
            Record::End(end) => self.end = Some(end),
            // A job has one beginning.
            Record::Job(_) | Record::Unknown => {}
        }
    }

    fn forget_attempt(&mut self) {
        self.first_pass = None;
        self.cut_report = None;
        self.report = None;
        self.complete = false;
        self.picture = None;
        self.disputes.clear();
    }

    /// When its journal last tells a time, in seconds since 1970: the begin or the end of its last run.
    #[must_use]
    pub fn last_told(&self) -> f64 {
        let run = self.runs.last().map_or(self.job.made, |run| run.at);
        self.end.as_ref().map_or(run, |end| end.at.max(run))
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::hash::ContentHash;

    use super::*;
    use crate::jobs::record::{CompleteRecord, Outcome};

    fn attempt(number: u32) -> Record {
        let bundle = ContentHash::of(b"");
        Record::Attempt(AttemptRecord { number, found: Vec::new(), bundle, files: Vec::new() })
    }

    fn run(at: f64) -> Record {
        Record::Run(RunRecord { at, pid: 7, td: "0.1.0".to_owned() })
    }

    fn history(records: Vec<Record>) -> History {
        let mut history = History::begun(crate::jobs::record::example());
        records.into_iter().for_each(|record| history.add(record));
        history
    }

    #[test]
    fn a_resumed_job_has_no_end_until_it_ends_again() {
        let end =
            |at| EndRecord { at, outcome: Outcome::Interrupted, message: String::new(), resumable: true, rows_done: 3 };
        let records = vec![run(10.0), attempt(0), Record::End(end(20.0)), run(30.0)];
        let mut history = history(records);
        assert_eq!((history.end.clone(), history.runs.len()), (None, 2));
        assert_eq!(history.last_told(), 30.0);
        history.add(Record::End(end(40.0)));
        assert_eq!(history.last_told(), 40.0);
    }

    #[test]
    fn another_attempt_begins_anew_and_the_same_one_goes_on() {
        let complete = Record::Complete(CompleteRecord { at: 1.0 });
        let mut history = history(vec![attempt(0), complete.clone(), attempt(0)]);
        assert!(history.complete);
        history.add(attempt(1));
        assert!(!history.complete);
    }

    #[test]
    fn a_journal_without_its_beginning_is_none() {
        assert_eq!(History::of([attempt(0)]), Err(NoJob));
        assert_eq!(History::of([]), Err(NoJob));
    }
}
