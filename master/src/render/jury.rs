//! Who draws wrong: decided from what several nodes say of the same rows. No I/O, no clock.
//!
//! A **case** is a run of rows of the picture. Its maker says that they look like this; a witness renders them again and says
//! what they look like there. Where two say the same, the case is closed. Where they do not, more witnesses are asked until two
//! different nodes agree: who said otherwise draws wrong. One node alone, or as many answers as nodes, decides nothing.
//!
//! Only what a node draws is testimony. One that could not render the rows has said nothing of them: it is asked again after the
//! others, up to three times.
//!
//! What was said of a case that stayed undecided is kept for the next run, which may have further nodes.
//!
//! Without another node the maker itself renders its rows again, by POV-Ray's own writer: that finds a node that does not draw
//! the same twice, and rows that were read wrongly from its state file, but not one that is wrong each time.

use std::collections::{BTreeMap, BTreeSet};

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;

use crate::compose::Maker;

/// A node that has failed so often at a case is not asked about it any more.
const MOST_TRIES: u32 = 3;

/// A node that can be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    pub maker: Maker,
    /// Cases that it may have at a time.
    pub slots: usize,
}

/// Ask this node about this case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub case: usize,
    pub witness: Maker,
}

/// What was found of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Two renderings of it are equal.
    Same,
    /// `wrong` drew it otherwise than two others, of which `right` is one.
    Wrong { wrong: Vec<Maker>, right: Maker },
    /// They differ, and there is nobody left who could tell which is right.
    Undecided { nodes: Vec<Maker> },
    /// Nobody who was asked could render it again: nothing is known of it.
    Unchecked,
}

#[derive(Debug, Clone)]
struct Case {
    rows: Rows,
    maker: Maker,
    /// Who said what. The first is the maker's, as it went into the picture.
    claims: Vec<(Maker, ContentHash)>,
    /// Who could not say, and how often.
    failed: BTreeMap<Maker, u32>,
    asked: Option<Maker>,
    closed: bool,
}

/// All cases of one look at a picture.
#[derive(Debug, Clone, Default)]
pub struct Jury {
    cases: Vec<Case>,
    dismissed: BTreeSet<Maker>,
}

impl Jury {
    /// Adds a case; `picture` is the hash of its samples. Cases are numbered from 0.
    pub fn add(&mut self, rows: Rows, maker: Maker, picture: ContentHash) {
        let claims = vec![(maker, picture)];
        self.cases.push(Case { rows, maker, claims, failed: BTreeMap::new(), asked: None, closed: false });
    }

    /// Adds what nodes said of the last case in an earlier run, where that stayed undecided.
    pub fn add_earlier(&mut self, claims: impl IntoIterator<Item = (Maker, ContentHash)>) {
        let Some(case) = self.cases.last_mut() else { return };
        for claim in claims {
            // Nobody agrees with itself.
            if !case.claims.contains(&claim) {
                case.claims.push(claim);
            }
        }
    }

    /// What was said of a case, by whom: hashes of the samples.
    #[must_use]
    pub fn claims(&self, number: usize) -> &[(Maker, ContentHash)] {
        self.cases.get(number).map_or(&[], |case| &case.claims)
    }

    /// The rows of a case and their maker.
    #[must_use]
    pub fn case(&self, number: usize) -> Option<(Rows, Maker)> {
        self.cases.get(number).map(|case| (case.rows, case.maker))
    }

    /// Whether all cases are closed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.cases.iter().all(|case| case.closed)
    }

    /// Questions for those who are there. Once nothing is asked any more, what can be said of cases that nobody there can help: until
    /// then another case may find the node that draws wrong.
    pub fn ask(&mut self, present: &[Witness]) -> (Vec<Question>, Vec<(usize, Finding)>) {
        let (mut questions, mut findings, mut helpless) = (Vec::new(), Vec::new(), Vec::new());
        let mut load: BTreeMap<Maker, usize> = BTreeMap::new();
        for witness in self.cases.iter().filter_map(|case| case.asked) {
            *load.entry(witness).or_default() += 1;
        }
        for number in 0..self.cases.len() {
            let case = &self.cases[number];
            if case.closed || case.asked.is_some() {
                continue;
            }
            // What was said in an earlier run may be enough.
            if let Some(finding) = decide(case) {
                self.cases[number].closed = true;
                findings.push((number, finding));
                continue;
            }
            let tries = |maker: Maker| case.failed.get(&maker).copied().unwrap_or(0);
            let may =
                |witness: &&Witness| !self.dismissed.contains(&witness.maker) && tries(witness.maker) < MOST_TRIES;
            let said = |maker: Maker| case.claims.iter().filter(|(by, _)| *by == maker).count();
            let others: Vec<&Witness> = present
                .iter()
                .filter(may)
                .filter(|witness| witness.maker != case.maker && said(witness.maker) == 0)
                .collect();
            // The maker itself comes last.
            let able = if others.is_empty() {
                present
                    .iter()
                    .filter(may)
                    .filter(|witness| witness.maker == case.maker && said(case.maker) == 1)
                    .collect()
            } else {
                others
            };
            if able.is_empty() {
                helpless.push(number);
                continue;
            }
            let busy = |witness: &Witness| load.get(&witness.maker).copied().unwrap_or(0);
            let free = able.into_iter().filter(|witness| busy(witness) < witness.slots);
            if let Some(witness) = free.min_by_key(|witness| (tries(witness.maker), busy(witness))) {
                *load.entry(witness.maker).or_default() += 1;
                self.cases[number].asked = Some(witness.maker);
                questions.push(Question { case: number, witness: witness.maker });
            }
        }
        if findings.is_empty() && self.cases.iter().all(|case| case.closed || case.asked.is_none()) {
            for number in helpless {
                self.cases[number].closed = true;
                findings.push((number, close(&self.cases[number])));
            }
        }
        (questions, findings)
    }

    /// The cases of which nodes say different things, and nobody has told yet who is right.
    #[must_use]
    pub fn undecided(&self) -> Vec<usize> {
        let is_open = |case: &Case| !self.dismissed.contains(&case.maker) && differ(case) && decide(case).is_none();
        (0..).zip(&self.cases).filter(|(_, case)| is_open(case)).map(|(number, _)| number).collect()
    }

    /// What a witness says, or that it could not say; the finding, if that closes the case.
    pub fn answer(&mut self, number: usize, witness: Maker, picture: Option<ContentHash>) -> Option<Finding> {
        let case = self.cases.get_mut(number)?;
        if case.asked != Some(witness) {
            return None;
        }
        case.asked = None;
        if case.closed {
            return None;
        }
        match picture {
            Some(picture) => case.claims.push((witness, picture)),
            None => *case.failed.entry(witness).or_default() += 1,
        }
        let finding = decide(case)?;
        case.closed = true;
        Some(finding)
    }

    /// A node that is lost, or that draws wrong: what it was asked is asked of others.
    pub fn gone(&mut self, node: Maker) {
        for case in &mut self.cases {
            if case.asked == Some(node) {
                case.asked = None;
            }
        }
    }

    /// A node draws wrong: its own rows are no cases any more, and what it said of others' counts no more.
    pub fn dismiss(&mut self, node: Maker) {
        self.gone(node);
        self.dismissed.insert(node);
        for case in self.cases.iter_mut().filter(|case| !case.closed) {
            if case.maker == node {
                case.closed = true;
            } else {
                case.claims.retain(|(by, _)| *by != node);
            }
        }
    }
}

/// Whether anybody said something else than the picture says.
fn differ(case: &Case) -> bool {
    case.claims.iter().any(|(_, picture)| case.claims.first().is_none_or(|(_, first)| first != picture))
}

/// What the claims of a case say, if anything.
fn decide(case: &Case) -> Option<Finding> {
    if !differ(case) {
        return (case.claims.len() > 1).then_some(Finding::Same);
    }
    let (right, picture) = case
        .claims
        .iter()
        .find(|(by, picture)| case.claims.iter().any(|(other, also)| other != by && also == picture))?;
    let mut wrong: Vec<Maker> = case.claims.iter().filter(|(_, also)| also != picture).map(|(by, _)| *by).collect();
    wrong.sort_unstable();
    wrong.dedup();
    Some(Finding::Wrong { wrong, right: *right })
}

/// What is said of a case that nobody can add to.
fn close(case: &Case) -> Finding {
    if case.claims.len() < 2 {
        return Finding::Unchecked;
    }
    let mut nodes: Vec<Maker> = case.claims.iter().map(|(by, _)| *by).collect();
    nodes.sort_unstable();
    nodes.dedup();
    Finding::Undecided { nodes }
}

#[cfg(test)]
mod tests;
