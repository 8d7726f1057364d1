//! All nodes asked side by side, and what came of it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use td_protocol::health::{History, Report};
use td_protocol::hello::Hello;
use tokio::task::JoinSet;

use crate::fleet::once::{Answer, Asker, Place, Unreachable};
use crate::fleet::trouble::Why;
use crate::health::checks::{self, Check};
use crate::health::finding::{Finding, Verdict};
use crate::health::seen::{Expected, Moment, Seen};

/// Longest answer to a question for health, bytes: a report has a few thousand.
pub const MOST_REPORT: usize = 1 << 20;
/// Longest answer to a question for the history, bytes: a day has some 1,400 samples of at most 300 bytes.
const MOST_HISTORY: usize = 4 << 20;

/// A node to be asked.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub place: Place,
    pub expected: Expected,
}

/// How a node is, the better ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Ok,
    Warn,
    Fail,
    Unreachable,
}

impl Standing {
    /// All, the better ones first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warn, Self::Fail, Self::Unreachable];

    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unreachable => "unreachable",
        }
    }
}

impl From<Verdict> for Standing {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok | Verdict::Unsupported => Self::Ok,
            Verdict::Warn => Self::Warn,
            Verdict::Fail => Self::Fail,
        }
    }
}

/// What a node said, and what the checks say of it.
#[derive(Debug, Clone)]
pub struct Heard {
    pub report: Report,
    pub findings: Vec<(&'static Check, Finding)>,
}

/// What came of asking one node.
#[derive(Debug, Clone)]
pub struct NodeHealth {
    pub name: String,
    /// Where it was asked, for people.
    pub address: String,
    pub answer: Result<Heard, Unreachable>,
    /// Seconds until it was known.
    pub seconds: f64,
}

impl NodeHealth {
    /// The worst of its checks.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.answer {
            Err(_) => Standing::Unreachable,
            Ok(heard) => {
                let worst = heard.findings.iter().map(|(_, finding)| finding.verdict).max();
                worst.map_or(Standing::Ok, Standing::from)
            }
        }
    }

    /// The checks that are warn or fail, the worst first.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static Check, &Finding)> {
        let findings = self.answer.as_ref().map(|heard| heard.findings.as_slice()).unwrap_or_default();
        let bad = findings.iter().filter(|(_, finding)| finding.verdict.is_bad());
        let mut bad: Vec<_> = bad.map(|(check, finding)| (*check, finding)).collect();
        bad.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.verdict));
        bad
    }
}

/// All nodes, in the order in which they were named.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub nodes: Vec<NodeHealth>,
    /// When it began, seconds since 1970.
    pub asked: f64,
    /// Seconds until the last was known.
    pub seconds: f64,
    /// The deadline, seconds.
    pub timeout: f64,
}

impl Survey {
    /// How many nodes are so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.nodes.iter().filter(|node| node.standing() == standing).count()
    }

    /// The worst standing; of no nodes at all: well.
    #[must_use]
    pub fn worst(&self) -> Standing {
        self.nodes.iter().map(NodeHealth::standing).max().unwrap_or(Standing::Ok)
    }
}

/// Asks all of them, and waits no longer than `timeout`.
pub async fn survey(asker: &Asker, targets: &[Target], timeout: Duration, deep: bool) -> Survey {
    let begun = Instant::now();
    let asked = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    let answers = all(asker, targets, begun + timeout, move |asker, target, until| async move {
        let heard = hear(&asker, &target.place, until, deep).await;
        heard.map(|(report, moment)| judge(report, moment, &target.expected))
    });
    let nodes = answers.await.into_iter().zip(targets).map(|((answer, seconds), target)| NodeHealth {
        name: target.name.clone(),
        address: target.place.shown(),
        answer,
        seconds,
    });
    let nodes = nodes.collect();
    Survey { nodes, asked, seconds: begun.elapsed().as_secs_f64(), timeout: timeout.as_secs_f64() }
}

/// The samples of the last `since` seconds from each of them.
pub async fn histories(
    asker: &Asker,
    targets: &[Target],
    timeout: Duration,
    since: f64,
) -> Vec<Result<History, Unreachable>> {
    let answers = all(asker, targets, Instant::now() + timeout, move |asker, target, until| async move {
        let path = format!("/health/history?since={since:.0}");
        let answer = asker.get(&target.place, &path, MOST_HISTORY, until).await?;
        match answer.status {
            404 => Err(Unreachable::new(Why::Broken, "its agent is older than td here and keeps no history")),
            _ => parse(&answer),
        }
    });
    answers.await.into_iter().map(|(answer, _)| answer).collect()
}

/// One question to each of them side by side; answers in the order of the targets, with the seconds that each took.
async fn all<T, F, A>(asker: &Asker, targets: &[Target], until: Instant, ask: F) -> Vec<(Result<T, Unreachable>, f64)>
where
    T: Send + 'static,
    F: Fn(Asker, Target, Instant) -> A,
    A: Future<Output = Result<T, Unreachable>> + Send + 'static,
{
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for (number, target) in targets.iter().enumerate() {
        let asked = ask(asker.clone(), target.clone(), until);
        asking.spawn(async move { (number, asked.await, begun.elapsed().as_secs_f64()) });
    }
    let unknown = || (Err(Unreachable::new(Why::Broken, "td itself failed at it: a bug")), 0.0);
    let mut answers: Vec<_> = targets.iter().map(|_| unknown()).collect();
    while let Some(done) = asking.join_next().await {
        let Ok((number, answer, seconds)) = done else { continue };
        if let Some(place) = answers.get_mut(number) {
            *place = (answer, seconds);
        }
    }
    answers
}

/// A node's report. An agent that is too old to have one says who it is, which is a report of few words.
async fn hear(asker: &Asker, place: &Place, until: Instant, deep: bool) -> Result<(Report, Moment), Unreachable> {
    let path = if deep { "/health?deep=true" } else { "/health" };
    let answer = asker.get(place, path, MOST_REPORT, until).await?;
    let moment = Moment { asked: answer.asked, answered: answer.answered };
    if answer.status == 404 {
        let hello: Hello = parse(&asker.get(place, "/hello", MOST_REPORT, until).await?)?;
        return Ok((of_hello(hello), moment));
    }
    Ok((parse(&answer)?, moment))
}

fn parse<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Unreachable> {
    if answer.status != 200 {
        let refusal = serde_json::from_slice::<td_protocol::job::Refusal>(&answer.body);
        let why = refusal
            .map_or_else(|_| format!("status {}", answer.status), |refusal| super::text::plain(&refusal.message));
        return Err(Unreachable::new(Why::Broken, format!("its agent refused: {why}")));
    }
    // serde would fill a struct from a list, too.
    if !answer.body.trim_ascii_start().starts_with(b"{") {
        return Err(Unreachable::new(Why::Broken, "it answered what td does not understand: no JSON object"));
    }
    // What it says of a word that it does not know is that word as it is.
    serde_json::from_slice(&answer.body).map_err(|error| {
        let error = super::text::plain(&error.to_string());
        Unreachable::new(Why::Broken, format!("it answered what td does not understand: {error}"))
    })
}

fn of_hello(hello: Hello) -> Report {
    Report {
        td: hello.td,
        name: hello.name,
        slots: Some(hello.slots),
        povray: Some(hello.povray),
        unprobed: Some("its agent is older than td here and tells nothing of it".to_owned()),
        ..Report::default()
    }
}

/// All checks on a report.
#[must_use]
pub fn judge(report: Report, moment: Moment, expected: &Expected) -> Heard {
    let findings = checks::look(&Seen { report: &report, expected, moment: Some(moment) });
    Heard { report, findings }
}
