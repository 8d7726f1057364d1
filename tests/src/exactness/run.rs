//! Runs a case and says whether it kept its promise.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Case, Expect, Scene, Variant};
use crate::events::{self, Event};
use crate::picture::Picture;
use crate::process::{self, Outcome};
use crate::reference::Reference;
use crate::sandbox::Sandbox;
use crate::{compare, programs};

/// No single render of the table may take longer.
const LIMIT: Duration = Duration::from_secs(180);

/// What a case that kept its promise took.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    pub took: Duration,
    /// Strips that were shortened because another slot took their lower part.
    pub shrinks: u64,
}

/// Renders a case and compares.
///
/// # Errors
/// A few sentences that say what was wrong.
pub fn check(case: &Case, variant: Variant) -> Result<Kept, String> {
    let wanted = reference(case)?;
    let sandbox = Sandbox::new();
    let started = Instant::now();
    let rendered = match case.expect {
        Expect::Exact | Expect::Noise => render(&sandbox, case, variant, &[])?,
        Expect::Seams => {
            stops_and_names_the_choices(&sandbox, case, variant)?;
            render(&sandbox, case, variant, &["--one-node"])?
        }
    };
    let took = started.elapsed();
    match case.expect {
        Expect::Exact | Expect::Seams => {
            said_exact(&rendered.done, true)?;
            compare::same(&wanted, &rendered.picture)?;
        }
        Expect::Noise => {
            said_exact(&rendered.done, false)?;
            compare::same_head(&wanted, &rendered.picture)?;
            let (wanted, got) = (wanted.mean(), rendered.picture.mean());
            if (wanted - got).abs() > 0.01 {
                return Err(format!("brightness: wanted {wanted:.3}, got {got:.3}"));
            }
        }
    }
    sandbox.nothing_left_behind();
    let shrinks = rendered.done.get("shrinks").and_then(serde_json::Value::as_u64);
    Ok(Kept { took, shrinks: shrinks.ok_or("the done event tells no number of shrinks")? })
}

/// What plain POV-Ray draws for a case.
///
/// # Errors
/// POV-Ray's own words.
pub fn reference(case: &Case) -> Result<Picture, String> {
    let path = case.scene.path();
    let folder = path.parent().expect("a scene has a folder");
    let scene = path.file_name().expect("a scene has a name").to_str().expect("plain names");
    Reference { root: folder, folder, scene, switches: &case.switches() }.picture()
}

struct Rendered {
    picture: Picture,
    done: Event,
}

fn render(sandbox: &Sandbox, case: &Case, variant: Variant, more: &[&str]) -> Result<Rendered, String> {
    let out = sandbox.work().join("out.png");
    let outcome = td(sandbox, case, variant, &out, more);
    if outcome.status.code() != Some(0) {
        return Err(format!("td failed\n{}", outcome.transcript()));
    }
    let done = events::last(&outcome)?;
    Ok(Rendered { picture: Picture::read(&out)?, done })
}

fn td(sandbox: &Sandbox, case: &Case, variant: Variant, out: &Path, more: &[&str]) -> Outcome {
    let mut command = sandbox.td(["render"]);
    // Called from another folder, as from a script: td looks beside the scene, as POV-Ray does when it runs there.
    command.arg(case.scene.path()).args(case.switches()).args(more);
    command.args(["--json", "--slots", &variant.slots.to_string(), "-o"]).arg(out);
    if variant.steals {
        force_steals(&mut command);
    }
    process::run(&mut command, LIMIT)
}

/// Makes the scheduler steal at every chance, so that strips shrink and rows come from many hands.
pub fn force_steals(command: &mut std::process::Command) {
    command.env("TD_TEST_FORCE_STEALS", "1");
}

fn stops_and_names_the_choices(sandbox: &Sandbox, case: &Case, variant: Variant) -> Result<(), String> {
    let out: PathBuf = sandbox.work().join("refused.png");
    let outcome = td(sandbox, case, variant, &out, &[]);
    if outcome.status.code() != Some(2) {
        return Err(format!("should stop before rendering, with 2\n{}", outcome.transcript()));
    }
    for choice in ["--two-pass", "--one-node", "--allow-seams"] {
        if !outcome.err().contains(choice) {
            return Err(format!("does not name {choice}\n{}", outcome.transcript()));
        }
    }
    if out.exists() { Err("wrote a picture all the same".into()) } else { Ok(()) }
}

fn said_exact(done: &Event, wanted: bool) -> Result<(), String> {
    let why = done.get("why").and_then(|why| why.as_array()).map_or(0, Vec::len);
    match done.get("exact").and_then(serde_json::Value::as_bool) {
        Some(said) if said != wanted => Err(format!("should say \"exact\": {wanted}, says {done:?}")),
        None => Err(format!("does not say whether it is exact: {done:?}")),
        Some(false) if why == 0 => Err(format!("says that it is not exact, but not why: {done:?}")),
        Some(_) => Ok(()),
    }
}

/// The whole table as Markdown, one column for each variant; and how many cells failed.
pub fn table(cases: &[Case], variants: &[Variant], mut progress: impl FnMut(&str)) -> (String, usize) {
    let mut text = String::from("| scene | what | size | switches |");
    for variant in variants {
        text += &format!(" {variant} |");
    }
    text += &format!("\n|---|---|---|---|{}\n", "---|".repeat(variants.len()));
    let (mut failed, mut equal, mut shrinks) = (0, 0, 0);
    let mut faults = String::new();
    for case in cases {
        progress(&case.title());
        let from = if matches!(case.scene, Scene::Own(_)) { "tests/scenes/" } else { "" };
        let switches = if case.switches.is_empty() { String::new() } else { format!("`{}`", case.switches) };
        text +=
            &format!("| {from}{} | {} | {}x{} | {switches} |", case.scene.name(), case.about, case.width, case.height);
        for &variant in variants {
            match check(case, variant) {
                Ok(kept) => {
                    equal += 1;
                    shrinks += if variant.steals { kept.shrinks } else { 0 };
                    text += match case.expect {
                        Expect::Exact => " equal |",
                        Expect::Noise => " other grains, said so |",
                        Expect::Seams => " refused; equal with --one-node |",
                    };
                }
                Err(error) => {
                    failed += 1;
                    text += " **FAILED** |";
                    faults += &format!("\n{}, {variant}: {error}\n", case.title());
                }
            }
        }
        text += "\n";
    }
    let version = programs::povray_version();
    text += &format!(
        "\n{equal} of {} as promised, against {version}; {shrinks} strips were shortened by forced steals.\n",
        equal + failed
    );
    if shrinks == 0 && variants.iter().any(|variant| variant.steals) {
        failed += 1;
        faults += "\nNo strip was shortened: the forced steals did not happen.\n";
    }
    text += &faults;
    (text, failed)
}
