//! The probe: one small render of the whole view with the job's own options.
//!
//! It tells the master where the cost lies, what chunks POV-Ray puts before the pixels, and whether rows can be taken
//! from the state file: the floats of the view, converted, have to be the samples of POV-Ray's own file, each one.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use bytes::Bytes;
use td_protocol::options::RenderOptions;
use td_protocol::probe::{HeaderChunk, ProbeEvent, ProbeReport, StartProbe, block_side};
use td_protocol::rows::Rows;
use td_protocol::strip::Way;
use tokio::sync::mpsc::Sender;

use crate::looks::Costs;
use crate::pixels::candidates::{self, Decision};
use crate::pixels::gamma::WorkingGamma;
use crate::pixels::png_rows::PngRows;
use crate::pixels::row_assembly::Pixel;
use crate::povray::command::Drawing;
use crate::povray::ending::Ending;
use crate::row_work;
use crate::scratch::Scratch;
use crate::strip::events::Events;
use crate::strip::starting::{radiosity, scratch_failed};
use crate::view::{self, Patience, Site, Stage, Traced};

/// How often a view is rendered whose trace nobody saw.
const MOST_TRIES: u32 = 3;
/// Heights of the parts that a view is cut into to see whether cuts show: no multiple of anything.
const CUT_ROWS: [u32; 3] = [7, 13, 19];

/// Renders the probe and sends the report, to the last frame.
pub fn run(site: &Site, start: &StartProbe, sender: Sender<Bytes>) {
    let closed = || site.job.is_closed();
    let mut events = Events::new(sender, &closed);
    let last = match probe(site, start, &mut events) {
        Ok(report) => ProbeEvent::Done(report),
        Err(ending) => ProbeEvent::Failed { failure: ending.failure, message: ending.message, povray: ending.povray },
    };
    // A master that is gone by now needs no last word.
    let _ = events.send(&last, &[]);
}

fn probe(site: &Site, start: &StartProbe, events: &mut Events<'_>) -> Result<ProbeReport, Ending> {
    let job = &site.job.spec;
    let mut drawing = Drawing::of_view(&job.options, start.width, start.height);
    // Method 1 of antialiasing depends on where blocks end: that matters where pixels of two renders are compared, and
    // makes the cost map coarse.
    drawing.block = if job.options.antialias_method == 1 && start.cut { 32 } else { block_side(start.height) };
    drawing.threads = start.threads;
    drawing.radiosity = radiosity(job);
    let scratch = Scratch::create(&site.scratch, &job.bundle, &site.blobs).map_err(scratch_failed)?;
    if let Some(line) = drawing.radiosity.scene_line() {
        scratch.append_to_scene(&job.bundle, line).map_err(scratch_failed)?;
    }
    let mut row_work = 0.0;
    let mut tell = |traced: Traced<'_>| {
        row_work = row_work::seconds_per_row(traced.pixels, drawing.width, job.options.format).unwrap_or(0.0);
        let (row_costs, trace_cpu) = with_row_work(traced.costs, row_work, drawing.rows.len());
        ProbeEvent::Costs { row_costs, start_cpu: traced.start_cpu, trace_cpu }
    };
    let mut view = render(site, &scratch, &drawing, events, &mut tell)?;
    let mut tries = 1;
    // A trace that was over before anybody looked is no reason to take the long way for the whole picture.
    while view.pixels.is_empty() && !job.options.dither && tries < MOST_TRIES {
        view = render(site, &scratch, &drawing, events, &mut tell)?;
        tries += 1;
    }
    let picture = Picture::read(&scratch, &drawing)?;
    let (way, reason) = decide(&view.pixels, &picture, &job.options, &start.gammas);
    let cut_differences = if start.cut { Some(cut(site, &drawing, &picture, events)?) } else { None };
    let (row_costs, trace_cpu) = with_row_work(&view.costs, row_work, drawing.rows.len());
    Ok(ProbeReport {
        chunks: picture.chunks,
        way,
        reason,
        row_costs,
        rows_per_cost: drawing.block,
        start_seconds: view.start_seconds,
        start_cpu: view.start_cpu,
        trace_cpu,
        trace_seconds: view.trace_seconds,
        cut_differences,
        warnings: view.messages,
    })
}

/// Renders a view; `tell` makes of its trace what the master hears at once.
fn render(
    site: &Site,
    scratch: &Scratch,
    drawing: &Drawing<'_>,
    events: &mut Events<'_>,
    tell: &mut dyn FnMut(Traced<'_>) -> ProbeEvent,
) -> Result<view::View, Ending> {
    let job = &site.job.spec;
    let mut stop = |stage: Stage<'_>| {
        let told = match stage {
            Stage::Traced(traced) => events.send(&tell(traced), &[]),
            Stage::Tracing | Stage::Writing => events.keep_alive(&ProbeEvent::Alive),
        };
        told.is_err() || site.job.is_closed()
    };
    let stall = Duration::try_from_secs_f64(job.stall_timeout).unwrap_or(Duration::MAX);
    let mut patience = Patience { stall, stop: &mut stop };
    view::render(&site.povray, scratch, &job.bundle, drawing, &mut patience)
}

/// Whether the conversion of `pixels` is POV-Ray's own, and with which working gamma.
fn decide(
    pixels: &[Pixel],
    picture: &Picture,
    options: &RenderOptions,
    named: &[td_protocol::strip::WorkingGamma],
) -> (Way, String) {
    if options.dither {
        return (Way::Writer, "dithering depends on the pixels before: POV-Ray's own writer does it".to_owned());
    }
    if pixels.is_empty() {
        return (Way::Writer, "the state file was not seen in time".to_owned());
    }
    let probe =
        candidates::Probe { pixels, samples: &picture.samples, format: options.format, file_gamma: options.file_gamma };
    let named: Vec<WorkingGamma> = named.iter().map(|&gamma| gamma.into()).collect();
    match candidates::decide(&probe, &named) {
        Decision::Exact(conversion) => (Way::StateFile { working_gamma: conversion.working.into() }, String::new()),
        Decision::Ambiguous { shades, .. } => {
            (Way::Writer, format!("the small view shows too few shades ({shades}) to tell the scene's gamma"))
        }
        Decision::NotExact { differing, of } => {
            (Way::Writer, format!("{differing} of {of} samples of the small view differ from POV-Ray's own file"))
        }
    }
}

/// Counts the samples that change when the view is rendered in uneven strips.
fn cut(site: &Site, whole: &Drawing<'_>, picture: &Picture, events: &mut Events<'_>) -> Result<u64, Ending> {
    let job = &site.job.spec;
    let row_bytes = job.options.format.row_bytes(whole.width) as usize;
    let sample_bytes = job.options.format.depth.bytes() as usize;
    let mut differing = 0;
    let mut heights = CUT_ROWS.iter().cycle();
    let mut top = 0;
    while top < whole.height {
        // A few strips are enough; one POV-Ray start each is the price.
        let uneven = heights.next().copied().unwrap_or(7).max(whole.height.div_ceil(4) | 1);
        // Antialiasing method 1 differs at any other bound, which is not what is asked here.
        let wanted = if job.options.antialias_method == 1 { 32 } else { uneven };
        let rows = Rows::new(top, (top + wanted).min(whole.height));
        let mut drawing = whole.clone();
        drawing.rows = rows;
        drawing.threads = 1;
        let scratch = Scratch::create(&site.scratch, &job.bundle, &site.blobs).map_err(scratch_failed)?;
        // Where the cost of a part lies says nothing of the whole.
        render(site, &scratch, &drawing, events, &mut |_| ProbeEvent::Alive)?;
        let part = Picture::read(&scratch, &drawing)?;
        let bytes = rows.start as usize * row_bytes..rows.end as usize * row_bytes;
        let (ours, theirs) = (part.samples.get(bytes.clone()), picture.samples.get(bytes));
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            let pairs = ours.chunks(sample_bytes).zip(theirs.chunks(sample_bytes));
            differing += pairs.filter(|(a, b)| a != b).count() as u64;
        }
        top = rows.end;
    }
    Ok(differing)
}

/// CPU seconds of each run of rows and of all `rows`, if a node spends `row_work` of its own on each of them.
fn with_row_work(costs: &Costs, row_work: f64, rows: u32) -> (Vec<f64>, f64) {
    let mut before = (0, 0.0);
    let costs_of_runs = costs.arrivals.iter().map(|&(end, seconds)| {
        let (start, at_start) = std::mem::replace(&mut before, (end, seconds));
        (seconds - at_start).max(0.0) + row_work * f64::from(end.saturating_sub(start))
    });
    (costs_of_runs.collect(), costs.trace_cpu + row_work * f64::from(rows))
}

/// POV-Ray's own file of a view.
struct Picture {
    samples: Vec<u8>,
    chunks: Vec<HeaderChunk>,
}

impl Picture {
    fn read(scratch: &Scratch, drawing: &Drawing<'_>) -> Result<Self, Ending> {
        let failed = |reason: String| Ending::node(format!("cannot read the picture that POV-Ray wrote: {reason}"));
        let file = File::open(scratch.output()).map_err(|error| failed(error.to_string()))?;
        let mut rows = PngRows::open(BufReader::new(file)).map_err(|error| failed(error.to_string()))?;
        if (rows.width(), rows.height()) != (drawing.width, drawing.height) {
            return Err(failed(format!("it is {} x {} pixels", rows.width(), rows.height())));
        }
        if rows.format() != drawing.options.format {
            return Err(failed(format!("its format is {:?}, not {:?}", rows.format(), drawing.options.format)));
        }
        let chunks = rows.chunks().iter().skip(1).map(|chunk| HeaderChunk {
            kind: String::from_utf8_lossy(&chunk.kind).into_owned(),
            data: chunk.data.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
        let chunks = chunks.collect();
        let mut samples = Vec::new();
        while let Some(row) = rows.next_row().map_err(|error| failed(error.to_string()))? {
            samples.extend_from_slice(row);
        }
        Ok(Self { samples, chunks })
    }
}
