//! Proofs: what the nodes themselves can tell, and what only the master sees.
//!
//! The share is proven across nodes: each writes a small file with a word of this run and names whose files it sees. Because
//! all look side by side, they are asked twice: what was written in the first round must be seen in the second. A third
//! takes the files away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use td_inventory::credentials;
use td_protocol::converge::desired::{DesiredState, Proofs};
use td_protocol::converge::event::{Outcome, Proof, ProofDone, ProofResult};
use td_protocol::converge::kind::Kind;
use td_protocol::hello::PovrayState;

use super::change::Work;
use super::failed;
use crate::crew::{Call, Crew, Hand, Mode, NodeError};
use crate::hello;
use crate::plan::Wanted;
use crate::report::Recap;
use crate::words::one_line;

/// After a change: all proofs on every node where all went well.
pub async fn after_change<'a>(crew: &'a Crew, wanted: &Wanted, works: &mut [Work<'a>], agent: bool) {
    if crew.stop.is_asked() {
        return;
    }
    {
        let mut hands: Vec<(&mut Hand<'a>, &DesiredState, &mut Recap)> = works
            .iter_mut()
            .zip(&wanted.states)
            .filter(|(work, _)| !work.over)
            .filter_map(|(work, state)| Some((work.hand.as_mut()?, state, &mut work.recap)))
            .collect();
        prove(crew, &mut hands, Proofs::All).await;
    }
    if agent {
        ask(crew, wanted, works).await;
    }
}

/// After a look that found nothing to change: its cheap proofs are counted, and the agents are asked where `agent` is wanted.
pub async fn answers(crew: &Crew, wanted: &Wanted, works: &mut [Work<'_>], agent: bool) {
    for work in works.iter_mut().filter(|work| !work.over) {
        let proofs = work.seen.as_ref().map(|seen| seen.call.proofs.clone()).unwrap_or_default();
        count(crew, &work.node.name, &mut work.recap, &proofs);
    }
    if agent {
        ask(crew, wanted, works).await;
    }
}

/// Makes the proofs on the nodes, in two rounds where there is a share.
pub async fn prove(crew: &Crew, hands: &mut [(&mut Hand<'_>, &DesiredState, &mut Recap)], proofs: Proofs) {
    let shared = crew.inventory.share().is_some() && hands.len() > 1;
    // Alone, a node's file is for nobody, and goes at once.
    let nonce = shared.then(nonce);
    let state = |state: &DesiredState, proofs: Proofs| {
        let mut state = state.clone();
        state.facts = false;
        state.proofs = proofs;
        state.nonce.clone_from(&nonce);
        state
    };
    let mut written = BTreeSet::new();
    if shared {
        let work = hands.iter_mut().map(|(hand, wanted, _)| (hand, state(wanted, Proofs::Cheap)));
        let first = crew.each(work, |(hand, state)| async move {
            let call = hand.call(Mode::Verify, &state).await.ok()?;
            let done =
                call.proofs.iter().any(|proof| proof.proof == Proof::Mount && proof.result == ProofResult::Passed);
            done.then(|| hand.node.name.clone())
        });
        written.extend(first.await.into_iter().flatten());
    }
    let work = hands.iter_mut().map(|(hand, wanted, recap)| (hand, state(wanted, proofs), recap));
    crew.each(work, |(hand, state, recap)| {
        let written = &written;
        async move {
            let result = hand.call(Mode::Verify, &state).await;
            let name = hand.node.name.as_str();
            crew.report.idle(name);
            match result {
                Ok(call) => {
                    differs(crew, name, &call);
                    let mut proofs = call.proofs;
                    for proof in &mut proofs {
                        compare(proof, written);
                    }
                    count(crew, name, recap, &proofs);
                }
                Err(error) => failed(crew, name, recap, &error),
            }
            recap.seconds = crew.seconds();
        }
    })
    .await;
    clear(crew, hands, &written).await;
}

/// Takes the files that nodes have `written` out of the share again, now that all have looked: each its own, as the account
/// that it belongs to. A node that does not answer any more leaves its file to the next proof, or to `remove`.
async fn clear(crew: &Crew, hands: &mut [(&mut Hand<'_>, &DesiredState, &mut Recap)], written: &BTreeSet<String>) {
    let chosen = hands.iter_mut().filter(|(hand, ..)| written.contains(&hand.node.name));
    let work = chosen.map(|(hand, wanted, recap)| (hand, clearing(wanted), recap));
    crew.each(work, |(hand, state, recap)| async move {
        // What is wrong there was told by the proof before.
        let _ = hand.call(Mode::Verify, &state).await;
        crew.report.idle(&hand.node.name);
        recap.seconds = crew.seconds();
    })
    .await;
}

/// The mount's proof alone. Without a word for others, the file that it writes goes at once.
fn clearing(wanted: &DesiredState) -> DesiredState {
    let mut state = wanted.clone();
    state.facts = false;
    state.proofs = Proofs::All;
    state.nonce = None;
    state.resources.retain(|resource| matches!(resource.kind(), Kind::Account | Kind::NfsMount));
    state
}

/// Says what is not as the inventory says, though the proofs may hold all the same.
fn differs(crew: &Crew, node: &str, call: &Call) {
    let open = call.resources.iter().filter(|done| matches!(done.outcome, Outcome::Pending | Outcome::Failed));
    let names: Vec<String> = open.map(|done| format!("{} {}", done.kind, one_line(&done.name, 100))).collect();
    if !names.is_empty() {
        let text = format!("not as the inventory says: {} (`td-provision plan` shows it)", names.join(", "));
        crew.report.note(Some(node), &text);
    }
}

/// A mount that shows this node's own file and not the others' is another folder than theirs.
fn compare(proof: &mut ProofDone, written: &BTreeSet<String>) {
    if proof.proof != Proof::Mount || proof.result != ProofResult::Passed {
        return;
    }
    let missing: Vec<&str> = written.iter().filter(|name| !proof.seen.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        proof.result = ProofResult::Failed;
        proof.message = format!(
            "it does not see what {} wrote into the share: is the same folder mounted there?",
            missing.join(", ")
        );
    }
}

/// Counts and tells proofs.
fn count(crew: &Crew, node: &str, recap: &mut Recap, proofs: &[ProofDone]) {
    for proof in proofs {
        let word = serde_json::to_value(proof.proof).ok().and_then(|word| word.as_str().map(str::to_owned));
        let word = word.unwrap_or_default();
        told(crew, node, recap, &word, proof.result, &proof.message, proof.seconds);
    }
}

fn told(crew: &Crew, node: &str, recap: &mut Recap, proof: &str, result: ProofResult, message: &str, seconds: f64) {
    crew.report.event(&json!({
        "event": "proof", "node": node, "proof": proof, "result": result, "message": message,
        "seconds": crate::report::rounded(seconds),
    }));
    let word = match result {
        ProofResult::Passed => {
            recap.ok += 1;
            "passed"
        }
        ProofResult::Unsupported => "cannot tell",
        ProofResult::AfterReboot => "after a reboot",
        ProofResult::Failed => {
            recap.failed += 1;
            recap.why = Some(message.to_owned());
            "FAILED"
        }
    };
    if crew.report.verbose() || matches!(result, ProofResult::Failed | ProofResult::AfterReboot) {
        crew.report.text(&format!("{node}: proof {proof}: {word}: {}\n", one_line(message, 1000)));
    }
}

/// Asks the agents of all nodes that are not over, over TLS from here.
async fn ask(crew: &Crew, wanted: &Wanted, works: &mut [Work<'_>]) {
    let recaps = works.iter_mut().filter(|work| !work.over).map(|work| (work.node.name.as_str(), &mut work.recap));
    agents(crew, wanted, recaps.collect()).await;
}

/// Asks the agents of these nodes.
pub async fn agents(crew: &Crew, wanted: &Wanted, nodes: Vec<(&str, &mut Recap)>) {
    if nodes.is_empty() || crew.stop.is_asked() {
        return;
    }
    let config = match credentials::client_config(&wanted.folder) {
        Ok(config) => Arc::new(config),
        Err(error) => {
            for (name, recap) in nodes {
                failed(crew, name, recap, &NodeError::Unfit(error.to_string()));
            }
            return;
        }
    };
    let groups = crew
        .each(nodes, |(name, recap)| {
            let config = &config;
            async move {
                let node = crew.inventory.node(name)?;
                let address = wanted.addresses.nodes.get(name)?;
                crew.report.doing(name, "asking td-agent");
                let began = crew.seconds();
                let mut stop = crew.stop.clone();
                let answer = tokio::select! {
                    answer = hello::ask(config, *address, node.agent_port, name) => Some(answer),
                    () = stop.asked() => None,
                };
                let seconds = crew.seconds() - began;
                crew.report.idle(name);
                let Some(answer) = answer else {
                    failed(crew, name, recap, &NodeError::Interrupted);
                    recap.seconds = crew.seconds();
                    return None;
                };
                let mut group = None;
                let (result, message) = match answer {
                    Ok(hello) => match hello.povray {
                        PovrayState::Ready { fingerprint, .. } => {
                            group = Some((name.to_owned(), fingerprint.clone()));
                            let text = format!(
                                "answers over TLS, POV-Ray {}, {}-bit",
                                fingerprint.povray, fingerprint.word_size
                            );
                            (ProofResult::Passed, text)
                        }
                        PovrayState::Unusable { message } => (ProofResult::Failed, message),
                    },
                    Err(message) => (ProofResult::Failed, message),
                };
                told(crew, name, recap, "answer", result, &message, seconds);
                recap.seconds = crew.seconds();
                group
            }
        })
        .await;
    let mut by_fingerprint: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (name, fingerprint) in groups.into_iter().flatten() {
        by_fingerprint.entry(fingerprint).or_default().push(name);
    }
    if by_fingerprint.len() > 1 {
        let groups: Vec<String> = by_fingerprint
            .iter()
            .map(|(of, names)| format!("{} (POV-Ray {}, {}-bit)", names.join(", "), of.povray, of.word_size))
            .collect();
        crew.report
            .note(None, &format!("only nodes of one group draw one exact picture together: {}", groups.join("; ")));
    }
}

fn nonce() -> String {
    let mut random = [0; 8];
    // Without randomness the word is the same each time, and an old file could pass for a new one: the process helps.
    if SystemRandom::new().fill(&mut random).is_err() {
        random = u64::from(std::process::id()).to_le_bytes();
    }
    hex::encode(random)
}

#[cfg(test)]
mod tests {
    use td_protocol::converge::resource::{Account, MountSource, NfsMount, Packages, Resource};

    use super::*;

    #[test]
    fn the_last_round_writes_for_nobody() {
        let mut wanted = DesiredState::new("pi1");
        wanted.nonce = Some("b1946ac9".to_owned());
        let account = Account { name: "td".into(), uid: 7, gid: 7, home: "/var/lib/td".into(), groups: Vec::new() };
        let source = MountSource::Local { export: "/srv/td".into() };
        wanted.resources = vec![
            Resource::Account(account),
            Resource::Packages(Packages::new(vec!["povray".into()])),
            Resource::NfsMount(NfsMount { path: "/mnt/td".into(), source }),
        ];
        let state = clearing(&wanted);
        // Written to, as the account, and nothing rendered.
        assert_eq!((state.proofs, state.nonce), (Proofs::All, None));
        let kinds: Vec<Kind> = state.resources.iter().map(Resource::kind).collect();
        assert_eq!(kinds, [Kind::Account, Kind::NfsMount]);
    }
}
