//! Changing all nodes side by side, each exactly as its plan was shown.

use std::collections::BTreeMap;

use serde_json::json;
use td_inventory::Node;
use td_protocol::converge::desired::{DesiredState, Proofs};
use td_protocol::converge::event::Refused;
use td_protocol::converge::event::{Diff, Outcome as Of, RefusedReason, ResourceDone};
use td_protocol::converge::kind::Kind;

use super::failed;
use crate::crew::{Call, Crew, Hand, Mode, NodeError};
use crate::plan::{Looked, Seen, diffs, tell_time};
use crate::report::Recap;
use crate::words::one_line;

/// A node on its way through an apply.
pub struct Work<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its connection, where it is open.
    pub hand: Option<Hand<'a>>,
    /// What was seen first, where that went well.
    pub seen: Option<Seen>,
    /// What it is to be like.
    pub state: DesiredState,
    /// Whether what is set needs a reboot to hold.
    pub needs_reboot: bool,
    /// Its boot, to tell a reboot by.
    pub boot_id: Option<String>,
    /// Nothing more is to be done there.
    pub over: bool,
    /// For the recap.
    pub recap: Recap,
}

impl<'a> Work<'a> {
    /// What the look has given. Its failure was told; with nothing changed, what was pending is not counted as changed.
    pub fn from_looked(looked: Looked<'a>) -> Work<'a> {
        let Looked { node, hand, result, state, recap } = looked;
        let over = result.is_err();
        let seen = result.ok();
        let needs_reboot = seen.as_ref().is_some_and(super::needs_reboot);
        let boot_id = seen.as_ref().and_then(|seen| Some(seen.call.start.as_ref()?.boot_id.clone()));
        let recap = Recap { changed: 0, ..recap };
        Work { node, hand, seen, state, needs_reboot, boot_id, over, recap }
    }
}

/// Changes all nodes that have something pending.
pub async fn all<'a>(crew: &'a Crew, looked: Vec<Looked<'a>>) -> Vec<Work<'a>> {
    crew.each(looked.into_iter().map(Work::from_looked), |work| one(crew, work)).await
}

async fn one<'a>(crew: &'a Crew, mut work: Work<'a>) -> Work<'a> {
    let (Some(seen), Some(hand)) = (&work.seen, &mut work.hand) else {
        return work;
    };
    if seen.pending() == 0 {
        return work;
    }
    let result = change(hand, seen, &work.state).await;
    crew.report.idle(&work.node.name);
    match result {
        Ok(call) => take(crew, &mut work, &call),
        Err(error) => {
            work.over = true;
            failed(crew, &work.node.name, &mut work.recap, &error);
        }
    }
    work.recap.seconds = crew.seconds();
    work
}

async fn change(hand: &mut Hand<'_>, seen: &Seen, state: &DesiredState) -> Result<Call, NodeError> {
    let mut state = state.clone();
    state.facts = false;
    state.proofs = Proofs::Default;
    let mut digest = seen.plan().map(|plan| plan.digest);
    if seen.binary.is_some() {
        hand.install().await?;
        // With the new binary in its place the plan is another one; it must be the one that was shown, but for the
        // service, whose program has just been replaced.
        let (again, _) = hand.plan(&state).await?;
        if shown(&seen.call) != shown(&again) {
            return Err(NodeError::Refused(Refused {
                reason: RefusedReason::PlanChanged,
                message: "the node has changed since the plan was shown".to_owned(),
            }));
        }
        digest = again.plan.map(|plan| plan.digest);
    }
    state.plan = digest;
    tell_time(&mut state);
    let call = hand.call(Mode::Apply, &state).await?;
    // A service that ran before its packages came (the apply before was cut off) has looked for POV-Ray when it started.
    let of = |kind: Kind, outcome: Of| call.resources.iter().any(|done| done.kind == kind && done.outcome == outcome);
    if of(Kind::Packages, Of::Changed) && of(Kind::Service, Of::Ok) {
        let reply = hand.sh("systemctl try-restart td-agent.service", "systemctl").await?;
        if reply.code != 0 {
            return Err(NodeError::Broken(format!("td-agent does not start again: {}", reply.complaint())));
        }
    }
    Ok(call)
}

/// What a plan shows, without the service.
fn shown(call: &Call) -> BTreeMap<(Kind, &str), &[Diff]> {
    let pending = call.resources.iter().filter(|done| done.outcome == Of::Pending && done.kind != Kind::Service);
    pending.map(|done| ((done.kind, done.name.as_str()), done.diffs.as_slice())).collect()
}

/// Counts and tells what an apply has done.
fn take(crew: &Crew, work: &mut Work<'_>, call: &Call) {
    let name = &work.node.name;
    let binary = work.seen.as_ref().is_some_and(|seen| seen.binary.is_some());
    work.recap.ok = 0;
    work.recap.changed = u32::from(binary);
    work.recap.failed = 0;
    if binary {
        crew.report.event(&json!({
            "event": "resource", "node": name, "kind": "binary", "name": "/usr/local/bin/td-agent", "outcome": "changed",
            "message": "td-agent was sent",
        }));
        crew.report.text(&format!("{name}: changed: binary /usr/local/bin/td-agent\n"));
    }
    for done in &call.resources {
        match done.outcome {
            Of::Ok => work.recap.ok += 1,
            Of::Changed => work.recap.changed += 1,
            Of::Failed => {
                work.recap.failed += 1;
                work.recap.why = Some(done.message.clone());
            }
            Of::Pending | Of::Skipped => {}
        }
        tell(crew, name, done);
    }
    if let Some(done) = &call.done {
        work.needs_reboot |= done.needs_reboot;
        if done.interrupted {
            work.over = true;
            work.recap.why = Some(NodeError::Interrupted.to_string());
        }
    }
    if work.recap.failed > 0 {
        work.over = true;
    }
}

/// Tells of a resource that is not simply fine.
pub fn tell(crew: &Crew, node: &str, done: &ResourceDone) {
    crew.report.event(&json!({
        "event": "resource",
        "node": node,
        "kind": done.kind,
        "name": done.name,
        "outcome": done.outcome,
        "message": done.message,
        "diffs": done.diffs,
        "notes": done.notes,
        "needs_reboot": done.needs_reboot,
        "seconds": done.seconds,
    }));
    let word = match done.outcome {
        Of::Ok if !crew.report.verbose() => return,
        Of::Ok => "ok",
        Of::Pending => "pending",
        Of::Changed => "changed",
        Of::Failed => "FAILED",
        Of::Skipped => "skipped",
    };
    let mut text =
        format!("{node}: {word}: {} {}: {}\n", done.kind, one_line(&done.name, 200), one_line(&done.message, 1000));
    if crew.report.verbose() {
        text.push_str(&diffs(done));
    }
    crew.report.text(&text);
}
