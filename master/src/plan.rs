//! `td plan`: what a render would do.

use serde_json::{Value, json};

use crate::progress::rows_value;
use crate::render::crew::Crew;
use crate::render::failure::RenderError;
use crate::render::memory;
use crate::render::policy::{self, Policy, class_sentence, class_word};
use crate::render::prepare::Prepared;
use crate::render::request::RenderRequest;
use crate::schedule::{Action, Event, Job, Scheduler, WriteCost};

/// What a strip writes to scratch, in bytes per pixel of its rows: the state file and the touched part of the buffer.
const SCRATCH: u64 = 40;
/// A 32-bit POV-Ray opens its buffer file without large-file support; from here on its agent helps.
const LIMIT_32: u64 = 1 << 31;

/// Prepares as a render would, asks the agents, and tells. Renders nothing.
///
/// # Errors
/// What would stop the render.
pub async fn plan(request: &RenderRequest, as_json: bool) -> Result<Vec<String>, RenderError> {
    let prepared = Prepared::new(&request.asked)?;
    let options = prepared.options();
    let mut crew = Crew::muster(&request.place, request.groups).await?;
    crew.fit_memory(&request.place, options.width, options.height);
    let verdict = &prepared.verdict;
    let mut policy = policy::decide(verdict, verdict.class, options, request.asked.wishes);
    if crew.mixed {
        policy = policy.map(Policy::of_mixed_groups);
    }
    // What the scene's text says; with --mix-groups its reasons do not count any more.
    let (class, reasons) = match &policy {
        Ok(policy) if crew.mixed => (policy.class, policy.why.iter().map(|why| (why.as_str(), true)).collect()),
        _ => {
            let reasons = verdict.why.iter().map(|reason| (reason.text.as_str(), reason.certain));
            (verdict.class, reasons.collect::<Vec<_>>())
        }
    };
    let cuts = match &policy {
        Ok(policy) => first_cut(&crew, &prepared, policy)?,
        Err(_) => Vec::new(),
    };
    let buffer = u64::from(options.width) * u64::from(options.height) * memory::BUFFER;
    let way = if options.dither {
        "b: POV-Ray's own writer (dithering)"
    } else {
        "a: from the state file, once the probe has proven it"
    };
    if as_json {
        return Ok(vec![
            json!({
                "event": "plan",
                "width": options.width,
                "height": options.height,
                "class": class_word(class),
                "certain": verdict.class == verdict.proven,
                "why": reasons.iter().map(|(text, _)| *text).collect::<Vec<_>>(),
                "way": if options.dither { "writer" } else { "state_file" },
                "refused": policy.as_ref().err().map(ToString::to_string),
                "buffer_bytes": buffer,
                "fits_32_bit": buffer < LIMIT_32,
                "slots": crew.nodes.iter().map(|node| json!({
                    "node": node.client.name(), "used": node.slots.len(), "offered": node.hello.slots,
                })).collect::<Vec<Value>>(),
                "memory_per_slot_bytes": memory::need(options.width, options.height),
                "files": prepared.assets.bundle().files.len(),
                "first_cut": cuts.iter().map(|(node, slot, rows)| json!({"node": node, "slot": slot, "rows": rows_value(*rows)})).collect::<Vec<Value>>(),
            })
            .to_string(),
        ]);
    }
    let mut lines = prepared.notes.clone();
    lines.extend(crew.notes.iter().cloned());
    if request.verbose {
        lines.extend(prepared.settings.origins.iter().map(ToString::to_string));
    }
    let files = prepared.assets.bundle().files.len();
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    lines.push(format!("image    {} x {}, {files} of the scene", options.width, options.height));
    lines.push(format!("class    {}: {}", class_word(class), class_sentence(class)));
    for (text, certain) in reasons {
        let doubt = if certain { "" } else { " (perhaps not reached; the probe decides)" };
        lines.push(format!("         {text}{doubt}"));
    }
    if let Err(refusal) = &policy {
        lines.push(format!("refused  {refusal}"));
    }
    lines.push(format!("way      {way}"));
    lines.push(format!(
        "memory   POV-Ray's buffer {:.0} MB in memory or scratch; a 32-bit node can hold it{}",
        buffer as f64 * 1e-6,
        if buffer < LIMIT_32 { "" } else { ", with its agent's help" }
    ));
    for (node, slot, rows) in &cuts {
        let scratch = u64::from(rows.len()) * u64::from(options.width) * SCRATCH;
        lines.push(format!("cut      {node}, slot {slot}: {rows}; scratch {:.0} MB", scratch as f64 * 1e-6));
    }
    for node in &crew.nodes {
        let needed = u64::from(options.rows.len()) * u64::from(options.width) * SCRATCH;
        if needed > node.hello.scratch_available {
            lines.push(format!(
                "warning  {}: {:.0} MB of scratch are free, and up to {:.0} MB may be needed",
                node.client.name(),
                node.hello.scratch_available as f64 * 1e-6,
                needed as f64 * 1e-6
            ));
        }
    }
    Ok(lines)
}

/// The strips that the scheduler would start with, nothing being known of the costs.
fn first_cut(
    crew: &Crew,
    prepared: &Prepared,
    policy: &policy::Policy,
) -> Result<Vec<(String, u32, td_protocol::rows::Rows)>, RenderError> {
    let options = prepared.options();
    let job = Job {
        height: options.height,
        rows: options.rows,
        band_rows: 32,
        fine_rows: policy.fine_rows,
        band_origin: options.rows.start,
        sharing: policy.sharing,
        write: WriteCost::NONE,
        start_seconds: 0.6,
        done: Vec::new(),
    };
    let mut scheduler =
        Scheduler::new(job, Default::default()).map_err(|error| RenderError::Usage(error.to_string()))?;
    let mut actions = Vec::new();
    for node in &crew.nodes {
        for &slot in &node.slots {
            let up = Event::SlotUp { slot, node: node.id, speed: node.speed, start_seconds: None };
            scheduler.handle_into(0.0, up, &mut actions);
        }
    }
    scheduler.handle_into(0.0, Event::Begin, &mut actions);
    let cuts = actions.into_iter().filter_map(|action| match action {
        Action::Start { slot, rows, .. } => {
            let name = crew.node_of(slot).map_or_else(String::new, |node| node.client.name().to_owned());
            Some((name, slot.0, rows))
        }
        _ => None,
    });
    Ok(cuts.collect())
}
