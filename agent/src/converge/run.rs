//! One call: looking at all resources, and what the mode asks for then.

use std::time::{Duration, Instant};

use td_protocol::converge::desired::Proofs;
use td_protocol::converge::digest::{self, Pending};
use td_protocol::converge::event::{
    Diff, Done, Event, Mode, Outcome, Plan, ProofResult, Refused, RefusedReason, ResourceDone,
};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::Resource;
use td_protocol::hash::ContentHash;

use super::boot;
use super::clock;
use super::failure::Failure;
use super::nfs::{export, mount};
use super::node::{Check, Converge, Node};
use super::proof;
use super::replace;
use super::units;

/// The resource's own code.
fn converger(resource: &Resource) -> &dyn Converge {
    match resource {
        Resource::Hostname(resource) => resource,
        Resource::Hosts(resource) => resource,
        Resource::Account(resource) => resource,
        Resource::Directory(resource) => resource,
        Resource::Packages(resource) => resource,
        Resource::File(resource) => resource,
        Resource::NfsExport(resource) => resource,
        Resource::NfsMount(resource) => resource,
        Resource::Clock(resource) => resource,
        Resource::Boot(resource) => resource,
        Resource::Service(resource) => resource,
    }
}

/// How long the end of a boot is waited for. A job that never ends must not keep the look from being told.
const BOOT: Duration = Duration::from_secs(90);

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Done,
    Interrupted,
    Refused,
}

/// Does what `mode` says, to the `done` or `refused` event.
#[must_use]
pub fn run(node: &Node, mode: Mode) -> Ended {
    let begun = Instant::now();
    let mut call = Call { node, done: done(mode), failed_accounts: Vec::new() };
    let ended = match mode {
        Mode::Plan | Mode::Verify => {
            let looked = call.look();
            for (resource, check, seconds) in &looked {
                call.tell_check(resource, check, *seconds);
            }
            call.tell_plan(&looked);
            Ok(())
        }
        Mode::Apply => call.apply(),
        Mode::Remove => {
            call.remove();
            Ok(())
        }
    };
    if let Err(refused) = ended {
        node.report.tell(&Event::Refused(refused));
        return Ended::Refused;
    }
    let proofs = match (node.state.proofs, mode) {
        (Proofs::Default, Mode::Verify) => Proofs::All,
        (_, Mode::Remove) => Proofs::Default,
        (proofs, _) => proofs,
    };
    if !node.stop.is_asked() {
        for done in proof::run(node, proofs, call.done.needs_reboot) {
            call.done.proofs_failed += u32::from(done.result == ProofResult::Failed);
            node.report.tell(&Event::Proof(done));
        }
    }
    call.done.interrupted = node.stop.is_asked();
    call.done.seconds = begun.elapsed().as_secs_f64();
    let interrupted = call.done.interrupted;
    node.report.tell(&Event::Done(call.done));
    if interrupted { Ended::Interrupted } else { Ended::Done }
}

fn done(mode: Mode) -> Done {
    Done {
        mode,
        ok: 0,
        pending: 0,
        changed: 0,
        failed: 0,
        skipped: 0,
        proofs_failed: 0,
        needs_reboot: false,
        interrupted: false,
        seconds: 0.0,
    }
}

/// A resource, what a look at it gave, and how long that took.
type Looked<'a> = (&'a Resource, Result<Check, Failure>, f64);

struct Call<'a> {
    node: &'a Node,
    done: Done,
    /// Accounts that could not be made: what belongs to them is skipped.
    failed_accounts: Vec<&'a str>,
}

impl<'a> Call<'a> {
    /// Looks at all of them. On a node that is still starting, what is not there yet may be about to come, so it is
    /// looked at again when the boot is over.
    fn look(&self) -> Vec<Looked<'a>> {
        let looked = self.look_once();
        let open = looked.iter().any(|(_, check, _)| !check.as_ref().is_ok_and(|check| !check.is_pending()));
        if open && units::await_boot(self.node, BOOT) { self.look_once() } else { looked }
    }

    fn look_once(&self) -> Vec<Looked<'a>> {
        let look = |resource: &'a Resource| {
            let begun = Instant::now();
            let check = converger(resource).check(self.node);
            (resource, check, begun.elapsed().as_secs_f64())
        };
        self.node.state.in_order().into_iter().map(look).collect()
    }

    fn tell_plan(&mut self, looked: &[Looked<'_>]) -> ContentHash {
        let pending: Vec<Pending> = looked
            .iter()
            .filter_map(|(resource, check, _)| Some((resource, check.as_ref().ok()?)))
            .filter(|(_, check)| check.is_pending())
            .map(|(resource, check)| pending(resource, check))
            .collect();
        let digest = digest::of(&pending);
        let failed = looked.iter().filter(|(_, check, _)| check.is_err()).count();
        // What a look finds that is set already and does not run yet, or will not until the next boot.
        let needs_reboot = looked.iter().any(|(_, check, _)| check.as_ref().is_ok_and(|check| check.needs_reboot));
        self.node.report.tell(&Event::Plan(Plan {
            digest,
            pending: count(pending.len()),
            failed: count(failed),
            needs_reboot,
        }));
        digest
    }

    /// Tells a look that nothing followed.
    fn tell_check(&mut self, resource: &Resource, check: &Result<Check, Failure>, seconds: f64) {
        match check {
            Ok(check) => {
                let outcome = if check.is_pending() { Outcome::Pending } else { Outcome::Ok };
                self.tell(resource, outcome, &check.message, Some(check), seconds);
            }
            Err(failure) => self.tell(resource, Outcome::Failed, &failure.0, None, seconds),
        }
    }

    fn tell(&mut self, resource: &Resource, outcome: Outcome, message: &str, check: Option<&Check>, seconds: f64) {
        let count = match outcome {
            Outcome::Ok => &mut self.done.ok,
            Outcome::Pending => &mut self.done.pending,
            Outcome::Changed => &mut self.done.changed,
            Outcome::Failed => &mut self.done.failed,
            Outcome::Skipped => &mut self.done.skipped,
        };
        *count += 1;
        let needs_reboot = check.is_some_and(|check| check.needs_reboot);
        self.done.needs_reboot |= needs_reboot;
        self.node.report.tell(&Event::Resource(ResourceDone {
            kind: resource.kind(),
            name: resource.name().to_owned(),
            outcome,
            message: message.to_owned(),
            diffs: check.map(|check| check.diffs.clone()).unwrap_or_default(),
            notes: check.map(|check| check.notes.clone()).unwrap_or_default(),
            needs_reboot,
            seconds,
        }));
    }

    fn apply(&mut self) -> Result<(), Refused> {
        let looked = self.look();
        let digest = self.tell_plan(&looked);
        if self.node.state.plan.is_some_and(|plan| plan != digest) {
            return Err(Refused {
                reason: RefusedReason::PlanChanged,
                message: "this node changed since the plan was made, and nothing was touched: plan again".to_owned(),
            });
        }
        let conflict = looked.iter().any(|(resource, check, _)| resource.kind() == Kind::Account && check.is_err());
        // What follows needs a clock that is not plainly wrong: archives' signatures and certificates have dates.
        let stepped = !conflict
            && looked.iter().any(|(resource, _, _)| resource.kind() == Kind::Clock)
            && clock::set_if_wrong(self.node).unwrap_or(false);
        let mut changed = stepped;
        for (resource, check, seconds) in looked {
            let pending = check.as_ref().is_ok_and(Check::is_pending);
            if self.node.stop.is_asked() && pending {
                self.tell(resource, Outcome::Skipped, "stopped before it; apply again", None, 0.0);
            } else if conflict && pending {
                let message = "nothing is changed while the account's numbers conflict";
                self.tell(resource, Outcome::Skipped, message, None, 0.0);
            } else if let Some(account) = self.lacks(resource) {
                let message = format!("the account {account} could not be made");
                self.tell(resource, Outcome::Skipped, &message, None, 0.0);
            } else {
                let begun = Instant::now();
                // What was changed before may have changed this one.
                let again = changed && !self.node.stop.is_asked();
                let before = check.as_ref().ok().filter(|_| stepped && resource.kind() == Kind::Clock);
                let before = before.map(|check| check.diffs.clone());
                let check = if again { converger(resource).check(self.node) } else { check };
                if let (Some(diffs), Ok(now)) = (before, &check)
                    && !now.is_pending()
                {
                    let message = format!("the clock was set to the master's; {}", now.message);
                    let check = Check { diffs, ..Check::default() };
                    self.tell(resource, Outcome::Changed, &message, Some(&check), seconds);
                    continue;
                }
                changed |= self.make(resource, check, begun, seconds);
            }
        }
        Ok(())
    }

    /// Converges one resource. Says whether anything may have been changed.
    fn make(&mut self, resource: &'a Resource, check: Result<Check, Failure>, begun: Instant, looked: f64) -> bool {
        let pending = check.as_ref().is_ok_and(Check::is_pending);
        let Ok(mut check) = check else {
            self.fail(resource);
            self.tell_check(resource, &check, looked + begun.elapsed().as_secs_f64());
            return false;
        };
        if !pending {
            self.note_reboot(resource, &mut check);
            self.tell(resource, Outcome::Ok, &check.message, Some(&check), looked + begun.elapsed().as_secs_f64());
            return false;
        }
        let converged = converger(resource).converge(self.node, &check).and_then(|made| {
            let after = converger(resource).check(self.node)?;
            if after.is_pending() {
                let left: Vec<String> = after.diffs.iter().map(left).collect();
                return Err(Failure::new(format!("it was changed, and afterwards {}", left.join(", "))));
            }
            Ok((made, after))
        });
        let seconds = looked + begun.elapsed().as_secs_f64();
        match converged {
            Ok((made, after)) => {
                check.needs_reboot = after.needs_reboot;
                check.diffs = made.diffs.unwrap_or(check.diffs);
                self.note_reboot(resource, &mut check);
                self.tell(resource, Outcome::Changed, &made.message, Some(&check), seconds);
            }
            Err(failure) => {
                self.fail(resource);
                check.needs_reboot = false;
                self.tell(resource, Outcome::Failed, &failure.0, Some(&check), seconds);
            }
        }
        true
    }

    fn note_reboot(&self, resource: &Resource, check: &mut Check) {
        if let Resource::Boot(boot) = resource
            && check.needs_reboot
            && let Err(failure) = boot::note_reboot(boot, self.node)
        {
            check.notes.push(failure.0);
        }
    }

    fn fail(&mut self, resource: &'a Resource) {
        if let Resource::Account(account) = resource {
            self.failed_accounts.push(&account.name);
        }
    }

    /// The account that a resource needs and that could not be made.
    fn lacks(&self, resource: &Resource) -> Option<&'a str> {
        let needed: [&str; 2] = match resource {
            Resource::Directory(directory) => [&directory.owner, &directory.group],
            Resource::File(file) => [&file.owner, &file.group],
            Resource::NfsExport(export) => [&export.owner, &export.group],
            Resource::Service(service) => [&service.user, &service.user],
            _ => return None,
        };
        self.failed_accounts.iter().copied().find(|failed| needed.contains(failed))
    }

    fn remove(&mut self) {
        // What an older inventory has put there and today's does not name goes by td's marks.
        let named = |kind: Kind| self.node.state.resources.iter().any(|resource| resource.kind() == kind);
        let left = [
            export::left(self.node).map(Resource::NfsExport),
            mount::left(self.node).map(Resource::NfsMount),
            boot::left(self.node).map(Resource::Boot),
        ];
        let left: Vec<Resource> = left.into_iter().flatten().filter(|resource| !named(resource.kind())).collect();
        let mut resources: Vec<&Resource> = self.node.state.resources.iter().chain(&left).collect();
        resources.sort_by_key(|resource| resource.kind());
        for resource in resources.into_iter().rev() {
            if self.node.stop.is_asked() {
                self.tell(resource, Outcome::Skipped, "stopped before it; remove again", None, 0.0);
                continue;
            }
            let begun = Instant::now();
            let removed = converger(resource).remove(self.node);
            let seconds = begun.elapsed().as_secs_f64();
            match removed {
                Ok(removed) => {
                    let outcome = if removed.diffs.is_empty() { Outcome::Ok } else { Outcome::Changed };
                    let check = Check { diffs: removed.diffs, needs_reboot: removed.needs_reboot, ..Check::default() };
                    self.tell(resource, outcome, &removed.message, Some(&check), seconds);
                }
                Err(failure) => self.tell(resource, Outcome::Failed, &failure.0, None, seconds),
            }
        }
        let own = self.node.path("/var/lib/td-converge");
        let _ = std::fs::remove_dir(&own);
        let _ = replace::remove(&self.node.path(super::lock::PATH));
    }
}

fn pending(resource: &Resource, check: &Check) -> Pending {
    let mut text = serde_json::to_vec(&check.diffs).unwrap_or_default();
    text.extend(check.hidden.iter().flat_map(|hidden| hidden.0));
    Pending { kind: resource.kind(), name: resource.name().to_owned(), change: ContentHash::of(&text) }
}

/// What a difference says of a resource that should have none any more.
fn left(diff: &Diff) -> String {
    match diff {
        Diff::Text { path, .. } | Diff::Hidden { path } => format!("{path} is not as it was written"),
        Diff::Packages { packages } => {
            let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
            format!("{} is not installed", names.join(", "))
        }
        Diff::Value { what, old, .. } => format!("{what} is {}", old.as_deref().unwrap_or("missing")),
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
