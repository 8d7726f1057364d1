//! `td-provision certs show`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use td_inventory::Inventory;
use td_inventory::credentials::{ClusterFolder, CredentialsError};
use time::OffsetDateTime;

use super::look::{Kind, Seen, State, Wanted, look};
use super::{now, say, say_event};
use crate::output::Outcome;

struct Line {
    kind: Kind,
    name: String,
    file: PathBuf,
    seen: Seen,
}

pub(super) fn run(folder: &ClusterFolder, inventory: &Inventory, as_json: bool) -> Result<Outcome> {
    let now = now()?;
    if !folder.ca().exists() {
        return Err(CredentialsError::Missing { path: folder.ca(), command: folder.init_command() }.into());
    }
    let lines = lines(folder, inventory, now);
    if as_json {
        for line in &lines {
            say_event(&event(line, now))?;
        }
    } else {
        screen(&lines, now)?;
    }
    let advice = advice(&lines, folder);
    for sentence in &advice {
        eprintln!("td-provision: {sentence}");
    }
    let all_good = lines.iter().all(|line| line.seen.state.is_usable());
    if as_json {
        let count = |wanted: fn(&State) -> bool| lines.iter().filter(|line| wanted(&line.seen.state)).count();
        say_event(&json!({
            "event": "done",
            "ok": all_good,
            "good": count(|state| *state == State::Good),
            "ends_soon": count(|state| *state == State::EndsSoon),
            "not_good": count(|state| !state.is_usable()),
        }))?;
    }
    Ok(if all_good { Outcome::Done } else { Outcome::Failed })
}

fn lines(folder: &ClusterFolder, inventory: &Inventory, now: OffsetDateTime) -> Vec<Line> {
    let ca = fs::read_to_string(folder.ca()).ok();
    let ca = ca.as_deref();
    let line = |kind, name: &str, file: PathBuf, key: PathBuf| {
        let seen = look(&file, &key, Wanted { kind, name, ca }, now);
        Line { kind, name: name.to_owned(), file, seen }
    };
    let mut lines = vec![
        line(Kind::Ca, inventory.cluster(), folder.ca(), folder.ca_key()),
        line(Kind::Master, inventory.cluster(), folder.master(), folder.master_key()),
    ];
    let node = |name: &str| line(Kind::Node, name, folder.node(name), folder.node_key(name));
    lines.extend(inventory.nodes().iter().map(|found| node(&found.name)));
    lines
}

fn event(line: &Line, now: OffsetDateTime) -> serde_json::Value {
    let why = match &line.seen.state {
        State::Bad(why) => Some(why.as_str()),
        _ => None,
    };
    json!({
        "event": "certificate",
        "kind": line.kind.to_string().to_lowercase(),
        "name": line.name,
        "file": line.file.display().to_string(),
        "state": line.seen.state.word(),
        "why": why,
        "not_after": line.seen.not_after.map(|end| end.date().to_string()),
        "days_left": line.seen.days_left(now),
    })
}

fn screen(lines: &[Line], now: OffsetDateTime) -> Result<()> {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0).max(4);
    say(&format!("{:<6}  {:<width$}  {:<10}  {:>9}  state", "what", "for", "ends", "days left"))?;
    for line in lines {
        let end = line.seen.not_after.map_or("-".to_owned(), |end| end.date().to_string());
        let left = line.seen.days_left(now).map_or("-".to_owned(), |days| days.to_string());
        let (kind, name, state) = (line.kind.to_string(), &line.name, &line.seen.state);
        say(&format!("{kind:<6}  {name:<width$}  {end:<10}  {left:>9}  {state}"))?;
    }
    Ok(())
}

/// What to do about what is not good.
fn advice(lines: &[Line], folder: &ClusterFolder) -> Vec<String> {
    let is = |kind: Kind, wanted: fn(&State) -> bool| lines.iter().any(|l| l.kind == kind && wanted(&l.seen.state));
    let not_good: fn(&State) -> bool = |state| *state != State::Good;
    let mut advice = Vec::new();
    if is(Kind::Ca, not_good) {
        advice.push(format!("the CA has to be made anew, with all certificates: `{} --force`", folder.init_command()));
    }
    if is(Kind::Master, not_good) || is(Kind::Node, not_good) {
        advice.push(format!(
            "`{}` makes what is missing and renews the rest; new node certificates then have to reach their nodes",
            folder.issue_command()
        ));
    }
    advice
}
