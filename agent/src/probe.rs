//! The probe: one small render of the whole view with the job's own options.
//!
//! It tells the master where the cost lies, what chunks POV-Ray puts before the pixels, and whether rows can be taken
//! from the state file: the floats of the view, converted, have to be the samples of POV-Ray's own file, each one.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use bytes::Bytes;
use td_protocol::options::RenderOptions;
use td_protocol::probe::{HeaderChunk, ProbeEvent, ProbeReport, StartProbe};
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

/// Side of the probe's blocks: the smaller, the finer the cost map, but each block costs POV-Ray something besides its
/// pixels, which the picture's larger blocks do not.
const PROBE_BLOCKS: [u32; 3] = [8, 16, 32];
/// Rows of blocks that are enough for a map.
const ENOUGH_CELLS: u32 = 24;
/// How often the master hears how far the view is.
const TELL_EVERY: Duration = Duration::from_millis(250);
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
    drawing.block = if job.options.antialias_method == 1 && start.cut { 32 } else { block(start.height) };
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
            // The master decides by it how long it waits for the map.
            Stage::Tracing(progress @ Some(_)) => events.keep_telling(TELL_EVERY, &ProbeEvent::Alive { progress }),
            Stage::Tracing(None) | Stage::Writing => events.keep_alive(&ProbeEvent::Alive { progress: None }),
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

/// The largest blocks of which the view has rows enough.
fn block(height: u32) -> u32 {
    let fits = |block: &u32| height / block >= ENOUGH_CELLS;
    PROBE_BLOCKS.into_iter().rev().find(fits).unwrap_or(PROBE_BLOCKS[0])
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
        render(site, &scratch, &drawing, events, &mut |_| ProbeEvent::Alive { progress: None })?;
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

/// CPU seconds of equal runs of rows, as many as the view has rows of blocks, and of all `rows`, if a node spends `row_work` of its
/// own on each of them. A last row of blocks may be lower than the others; the master takes all runs for equal.
fn with_row_work(costs: &Costs, row_work: f64, rows: u32) -> (Vec<f64>, f64) {
    let mut points = vec![(0.0, 0.0)];
    points.extend(costs.arrivals.iter().map(|&(end, seconds)| (f64::from(end), seconds)));
    let upto = |row: f64| {
        let above = points.partition_point(|&(end, _)| end < row).clamp(1, points.len() - 1);
        let ((low, at_low), (high, at_high)) = (points[above - 1], points[above]);
        at_low + (at_high - at_low) * (row - low) / (high - low)
    };
    let runs = costs.arrivals.len();
    let end_of = |run: usize| f64::from(rows) * run as f64 / runs as f64;
    let cost =
        |run: usize| (upto(end_of(run + 1)) - upto(end_of(run))).max(0.0) + row_work * f64::from(rows) / runs as f64;
    ((0..runs).map(cost).collect(), costs.trace_cpu + row_work * f64::from(rows))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_last_row_of_blocks_stretches_nothing() {
        // 80 rows in blocks of 32, each row a second; a node's own work is half of that.
        let arrivals = vec![(32, 32.0), (64, 64.0), (80, 80.0)];
        let (costs, all) = with_row_work(&Costs { arrivals, trace_cpu: 80.0 }, 0.5, 80);
        assert_eq!(costs.len(), 3);
        assert!(costs.iter().all(|cost| (cost - 40.0).abs() < 1e-9), "{costs:?}");
        assert!((all - 120.0).abs() < 1e-9);
        // Whole rows of blocks are told as they are.
        let arrivals = vec![(32, 5.0), (64, 6.0)];
        assert_eq!(with_row_work(&Costs { arrivals, trace_cpu: 6.0 }, 0.0, 64).0, [5.0, 1.0]);
        assert_eq!(with_row_work(&Costs::default(), 0.5, 64), (Vec::new(), 32.0));
    }
}
