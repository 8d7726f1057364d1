//! `--verify` in the loop: asks witnesses, puts nodes that draw wrong out of the job, and has their rows rendered again.
//!
//! What is wrong must not come back, whatever happens next. So first the journal says that the node is out, then the spool takes its
//! rows back (both on the disk), then the node is told to forget what it keeps of this picture, and only then are the rows rendered
//! by others. A job that is resumed leaves the node out, and takes its rows back once more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;
use tokio::task::{JoinHandle, JoinSet};

use crate::compose::{Maker, difference};
use crate::fleet::client::{AgentError, Client};
use crate::jobs::record::{ClaimRecord, DisputeRecord, NodeOutRecord};
use crate::jobs::{History, Record};
use crate::render::attempt::AttemptEnd;
use crate::render::disputes::Disputes;
use crate::render::failure::RenderError;
use crate::render::heard::Heard;
use crate::render::jury::{Finding, Jury, Witness};
use crate::render::looping::Run;
use crate::render::verify::{self, NoTestimony, Testimony};
use crate::schedule::{Event, NodeId, StuckReason};

/// How long a node may take to forget what it keeps of a picture; its POV-Rays end first.
const FORGET_PATIENCE: Duration = Duration::from_secs(10);

/// How far verification is.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    /// Rows to be rendered again; none without `--verify`.
    pub wanted: Option<u32>,
    /// What nodes drew differently in an earlier run: it is verified in any case.
    disputes: Disputes,
    /// Who was found wrong, there or not.
    wrong: HashSet<Maker>,
    /// When all rows were there last: what comes after belongs to no phase of rendering.
    pub complete: Option<Instant>,
    /// Nodes that draw wrong.
    pub out: HashSet<NodeId>,
    pub rows_verified: u32,
    jury: Option<Jury>,
    /// Counts the juries: an answer to an earlier one's case is not to be taken for this one's.
    look: u64,
    /// Runs that were found equal, with their makers: looked at once.
    checked: HashSet<(Rows, Maker)>,
    pub asked: HashMap<(usize, Maker), JoinHandle<()>>,
    /// What witnesses drew otherwise than it is in the picture.
    otherwise: BTreeMap<(usize, Maker), Vec<u8>>,
    /// Why witnesses could not say what rows look like, the last time.
    failed: BTreeMap<(usize, Maker), String>,
    next_lease: u64,
    /// Nodes that are being told to forget; a sentence where one could not be told.
    forgetting: JoinSet<Option<String>>,
}

impl Verifying {
    /// Nothing of this run is verified yet; `wanted` rows are to be, and what was in dispute `before`.
    pub(super) fn new(wanted: Option<u32>, before: &History) -> Self {
        let disputes = Disputes(before.disputes.clone());
        let wanted = wanted.or((!disputes.is_empty()).then_some(0));
        let wrong = before.out.iter().map(|out| Maker::of(&out.node)).collect();
        Self { wanted, disputes, wrong, ..Self::default() }
    }
}

impl Run<'_, '_> {
    /// All rows are there. Whether verification still has something to do.
    pub(super) fn has_to_verify(&mut self) -> Result<bool, AttemptEnd> {
        if self.verifying.complete.is_none() {
            let now = Instant::now();
            self.verifying.complete = Some(now);
            self.tally.end_all(now);
        }
        let Some(wanted) = self.verifying.wanted else { return Ok(false) };
        if self.verifying.jury.as_ref().is_none_or(Jury::is_over) {
            self.verifying.jury = self.next_look(wanted)?;
            self.verifying.look += 1;
            self.verifying.otherwise.clear();
            self.verifying.failed.clear();
            self.verifying.asked.drain().for_each(|(_, task)| task.abort());
        }
        self.ask_witnesses()?;
        // A finding may have taken rows back.
        Ok(!self.finished || self.verifying.jury.as_ref().is_some_and(|jury| !jury.is_over()))
    }

    /// The runs of the sample that have not been looked at; `None` where all have.
    fn next_look(&self, wanted: u32) -> Result<Option<Jury>, AttemptEnd> {
        let mut jury = Jury::default();
        let made = self.attempt.spool.made();
        let mut sample = verify::sample(&made, wanted);
        sample.extend(self.verifying.disputes.among(&made));
        sample.sort_unstable();
        sample.dedup();
        for (rows, maker) in sample {
            if self.verifying.checked.contains(&(rows, maker)) {
                continue;
            }
            if let Some(samples) = self.attempt.spool.pixels(rows)? {
                jury.add(rows, maker, ContentHash::of(&samples));
                jury.add_earlier(self.verifying.disputes.claims(rows, |maker| self.verifying.wrong.contains(&maker)));
            }
        }
        Ok((!jury.is_over()).then_some(jury))
    }

    /// Asks who is there and has room.
    pub(super) fn ask_witnesses(&mut self) -> Result<(), AttemptEnd> {
        if self.verifying.jury.as_ref().is_none_or(Jury::is_over) {
            return Ok(());
        }
        let nodes = self.attempt.crew.nodes.iter().filter(|node| self.up.contains(&node.id));
        let present: Vec<Witness> =
            nodes.map(|node| Witness { maker: Maker::of(node.client.name()), slots: node.slots.len() }).collect();
        if present.is_empty() {
            // Who is called may come back.
            return match self.all_lost {
                None => self.nobody_left(StuckReason::NoWitnessLeft),
                Some(_) => Ok(()),
            };
        }
        let Some(jury) = &mut self.verifying.jury else { return Ok(()) };
        let (questions, findings) = jury.ask(&present);
        for question in questions {
            let Some((rows, _)) = self.verifying.jury.as_ref().and_then(|jury| jury.case(question.case)) else {
                continue;
            };
            let named = |client: &Client| Maker::of(client.name()) == question.witness;
            let Some(node) = self.attempt.crew.nodes.iter().find(|node| named(&node.client)) else { continue };
            let lease = verify::FIRST_LEASE + self.verifying.next_lease;
            self.verifying.next_lease += 1;
            let (client, job, tell) = (node.client.clone(), self.attempt.spec.id.clone(), self.tell.clone());
            let (shape, block, look) = (self.attempt.shape, 32, self.verifying.look);
            let task = tokio::spawn(async move {
                let what = verify::witness(client, job, lease, rows, shape, block).await;
                let _ = tell.send(Heard::Witness { look, case: question.case, witness: question.witness, what }).await;
            });
            self.verifying.asked.insert((question.case, question.witness), task);
        }
        for (case, finding) in findings {
            self.take_finding(case, finding)?;
        }
        Ok(())
    }

    pub(super) fn take_witness(
        &mut self,
        look: u64,
        case: usize,
        witness: Maker,
        what: Result<Testimony, NoTestimony>,
    ) -> Result<(), AttemptEnd> {
        if look != self.verifying.look {
            return Ok(());
        }
        if self.verifying.asked.remove(&(case, witness)).is_none() {
            return Ok(());
        }
        let Some((rows, _)) = self.verifying.jury.as_ref().and_then(|jury| jury.case(case)) else { return Ok(()) };
        let picture = match what {
            Ok(Testimony { picture, samples }) => {
                if let Some(node) = self.node_by(witness) {
                    // It finishes what it begins: an earlier loss counts no more.
                    self.recalls.remove(&node);
                }
                if self.attempt.spool.pixels(rows)?.is_some_and(|own| own != samples) {
                    self.verifying.otherwise.insert((case, witness), samples);
                }
                Some(picture)
            }
            Err(NoTestimony::Gone(error)) => {
                if let Some(node) = self.node_by(witness) {
                    self.lose_node(node, &error.to_string())?;
                }
                return self.ask_witnesses();
            }
            Err(NoTestimony::Failed(reason)) => {
                let name = self.name_of(witness);
                self.attempt.progress.note(&format!("{name} could not render {rows} again: {reason}"));
                self.verifying.failed.insert((case, witness), format!("{name}: {reason}"));
                None
            }
        };
        let finding = self.verifying.jury.as_mut().and_then(|jury| jury.answer(case, witness, picture));
        if let Some(finding) = finding {
            self.take_finding(case, finding)?;
        }
        self.ask_witnesses()
    }

    fn take_finding(&mut self, case: usize, finding: Finding) -> Result<(), AttemptEnd> {
        let Some((rows, maker)) = self.verifying.jury.as_ref().and_then(|jury| jury.case(case)) else { return Ok(()) };
        match finding {
            Finding::Same => {
                self.verifying.rows_verified += rows.len();
                self.verifying.checked.insert((rows, maker));
                Ok(())
            }
            Finding::Wrong { wrong, right } => {
                for node in wrong {
                    let place = self.place_of_difference(case, rows, node, right)?;
                    self.put_out(node, &place)?;
                }
                Ok(())
            }
            Finding::Undecided { nodes } => {
                let mut names: Vec<String> = nodes.iter().map(|&node| self.name_of(node)).collect();
                names.sort_unstable();
                // What may be wrong is kept in the job, which does not become a picture with it, and nowhere else.
                for dispute in self.open_disputes() {
                    self.attempt.job.note_synced(Record::Dispute(dispute))?;
                }
                for &node in &nodes {
                    self.forget_on(node);
                }
                let other =
                    self.verifying.otherwise.iter().find(|((number, _), _)| *number == case).map(|(_, other)| other);
                let own = self.attempt.spool.pixels(rows)?;
                let place = own.zip(other).and_then(|(own, other)| difference(rows, self.attempt.shape, &own, other));
                let place = place.map_or_else(String::new, |place| format!(" ({place})"));
                let who = match names.as_slice() {
                    [one] => {
                        format!("{one} draws {rows} otherwise than it did before{place}, and there is no other node")
                    }
                    all => {
                        format!("{} draw {rows} differently{place}, and there is no further node", all.join(" and "))
                    }
                };
                Err(RenderError::NotVerified(format!(
                    "{who} that could tell which is right: no picture was written; all rows are kept, and with a further node \
                     of this group (in the inventory, or by td resume -i or --agent) it can be told"
                ))
                .into())
            }
            Finding::Unchecked => {
                let of_case = self.verifying.failed.iter().filter(|((number, _), _)| *number == case);
                let mut why: Vec<&str> = of_case.map(|(_, why)| why.as_str()).collect();
                why.sort_unstable();
                let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
                let text = format!(
                    "{rows} could be rendered again by no node, so they are not verified: no picture was written{why}"
                );
                Err(RenderError::NotVerified(text).into())
            }
        }
    }

    /// All rows of which nodes say different things, for whoever goes on.
    fn open_disputes(&self) -> Vec<DisputeRecord> {
        let Some(jury) = &self.verifying.jury else { return Vec::new() };
        // The maker of rows from an earlier run may have no name any more; what it said is in the picture.
        let claim = |&(by, picture): &(Maker, ContentHash)| {
            self.known_name(by).map(|node| ClaimRecord { node: node.to_owned(), picture })
        };
        let undecided = jury.undecided();
        let disputes = undecided.into_iter().filter_map(|case| {
            let (rows, _) = jury.case(case)?;
            Some(DisputeRecord { rows, claims: jury.claims(case).iter().filter_map(claim).collect() })
        });
        disputes.collect()
    }

    /// Where `wrong` differs from `right`, for people.
    fn place_of_difference(&self, case: usize, rows: Rows, wrong: Maker, right: Maker) -> Result<String, AttemptEnd> {
        let own = self.attempt.spool.pixels(rows)?.unwrap_or_default();
        let Some(jury) = &self.verifying.jury else { return Ok(rows.to_string()) };
        let claims = jury.claims(case);
        let in_picture = claims.first().map(|(_, picture)| *picture);
        // Who said so in an earlier run left no samples, but another may have said the same since.
        let samples = |picture: ContentHash| {
            let by = claims.iter().filter(|(_, said)| *said == picture).map(|(by, _)| *by);
            let other = by.into_iter().find_map(|by| self.verifying.otherwise.get(&(case, by)));
            other.or((in_picture == Some(picture)).then_some(&own))
        };
        // A maker that was asked again has contradicted itself: what went into the picture is meant, its first word.
        let said = |node: Maker| claims.iter().find(|(by, _)| *by == node).and_then(|(_, picture)| samples(*picture));
        let found =
            said(wrong).zip(said(right)).and_then(|(wrong, right)| difference(rows, self.attempt.shape, wrong, right));
        Ok(found.map_or_else(|| rows.to_string(), |found| format!("{rows}: {found}")))
    }

    fn node_by(&self, maker: Maker) -> Option<NodeId> {
        let found = self.attempt.crew.nodes.iter().find(|other| Maker::of(other.client.name()) == maker);
        found.map(|found| found.id)
    }

    /// The name of a node that is there, or that said something of rows in dispute.
    fn known_name(&self, node: Maker) -> Option<&str> {
        let mut present = self.attempt.crew.nodes.iter().map(|other| other.client.name());
        present.find(|name| Maker::of(name) == node).or_else(|| self.verifying.disputes.name(node))
    }

    fn name_of(&self, node: Maker) -> String {
        self.known_name(node).unwrap_or("a node that is not there any more").to_owned()
    }

    /// A node draws wrong: it is out, and all of its rows are missing again.
    fn put_out(&mut self, wrong: Maker, place: &str) -> Result<(), AttemptEnd> {
        let name = self.name_of(wrong);
        let named = self.attempt.crew.nodes.iter().filter(|other| Maker::of(other.client.name()) == wrong);
        let nodes: Vec<NodeId> = named.map(|node| node.id).collect();
        if !self.verifying.wrong.insert(wrong) {
            return Ok(());
        }
        let reason = format!("it draws wrong pixels ({place})");
        // Of a node that is not there any more there may be nothing but its rows.
        if self.known_name(wrong).is_some() {
            let record = NodeOutRecord { node: name.clone(), reason: reason.clone() };
            self.attempt.job.note_synced(Record::NodeOut(record))?;
        }
        let refused = self.attempt.spool.refuse(wrong)?;
        let rows: u32 = refused.iter().map(|rows| rows.len()).sum();
        self.attempt.progress.note(&format!(
            "{name} draws wrong pixels ({place}): it is put out of the job, and its {rows} rows are rendered again"
        ));
        self.forget_on(wrong);
        if let Some(jury) = &mut self.verifying.jury {
            jury.dismiss(wrong);
        }
        self.verifying.asked.retain(|(_, witness), task| {
            if *witness == wrong {
                task.abort();
            }
            *witness != wrong
        });
        for node in nodes {
            self.verifying.out.insert(node);
            for slot in self.attempt.crew.node(node).map(|node| node.slots.clone()).unwrap_or_default() {
                let tally = self.tally.slot(slot);
                (tally.rows, tally.cpu) = (0, 0.0);
            }
            self.up.remove(&node);
            self.beats.forget(node);
            if let Some(watcher) = self.watchers.remove(&node) {
                watcher.abort();
            }
            if let Some(calling) = self.calling.remove(&node) {
                calling.abort();
            }
            self.troubles.insert(node, format!("{name} draws wrong pixels"));
            self.tell_scheduler(Event::NodeOut { node, reason: reason.clone() })?;
        }
        if !refused.is_empty() {
            self.finished = false;
            self.verifying.complete = None;
        }
        for rows in refused {
            self.tell_scheduler(Event::RowsRefused { rows })?;
        }
        // Those that were there before are to be rendered now, too.
        self.rows_at_begin = self.rows_at_begin.min(self.scheduler.rows_settled());
        Ok(())
    }

    /// Has a node end all it does for this job, and forget what it keeps of the picture: the next job would take it.
    fn forget_on(&mut self, node: Maker) {
        let found = self.attempt.crew.nodes.iter().find(|other| Maker::of(other.client.name()) == node);
        let Some(found) = found else { return };
        let (client, id) = (found.client.clone(), self.attempt.spec.id.clone());
        self.verifying.forgetting.spawn(async move {
            if let Err(reason) = forget(&client, &id).await {
                let name = client.name();
                let text = format!(
                    "{name} could not be told to forget its rows of this picture ({reason}): remove its cache, or \
                     render with --fresh"
                );
                return Some(text);
            }
            None
        });
    }

    /// Waits until the nodes have forgotten, and tells who could not be told to.
    pub(super) async fn end_forgetting(&mut self) {
        while let Some(told) = self.verifying.forgetting.join_next().await {
            if let Ok(Some(text)) = told {
                self.attempt.progress.note(&text);
            }
        }
    }

    /// What a node that is lost was asked is asked of others.
    pub(super) fn witness_lost(&mut self, node: NodeId) {
        let Some(found) = self.attempt.crew.node(node) else { return };
        let maker = Maker::of(found.client.name());
        if let Some(jury) = &mut self.verifying.jury {
            jury.gone(maker);
        }
        self.verifying.asked.retain(|(_, witness), task| {
            if *witness == maker {
                task.abort();
            }
            *witness != maker
        });
    }
}

async fn forget(client: &Client, job: &str) -> Result<(), String> {
    match tokio::time::timeout(FORGET_PATIENCE, client.forget_bands(job)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(AgentError::Refused { message, .. })) => Err(message),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
