//! A simulation as a picture: one line for each slot, time from left to right.

use std::fmt::Write as _;

use super::outcome::{SimEvent, SimEventKind, Summary};

/// No more slots than this are drawn; of more, evenly chosen ones.
const MOST_LINES: u32 = 64;
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;

/// A strip on the timeline.
#[derive(Debug, Clone, Copy)]
struct Bar {
    started: f64,
    tracing: Option<f64>,
    copy: bool,
}

/// The timeline of `events` (in order of time, as [`super::run`] gives them) as an SVG document: grey while POV-Ray
/// starts, green while it traces (yellow for a copy), red where a strip was lost, failed or given up.
#[must_use]
pub fn svg(events: &[SimEvent], summary: &Summary, title: &str) -> String {
    let lines = summary.nodes.clamp(1, MOST_LINES);
    let line_of = |slot: u32| {
        let line = u64::from(slot) * u64::from(lines) / u64::from(summary.nodes.max(1));
        let first = (line * u64::from(summary.nodes)).div_ceil(u64::from(lines));
        (u64::from(slot) == first).then_some(line as f64)
    };
    let line_height = (640.0 / f64::from(lines)).clamp(8.0, 28.0);
    let bottom = TOP + f64::from(lines) * line_height;
    let seconds = summary.makespan.max(summary.ideal).max(1e-9) * 1.02;
    let x = |time: f64| LEFT + time / seconds * (WIDTH - LEFT - 20.0);

    let mut out = String::new();
    let _ = writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {:.0}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{LEFT}" y="20" font-size="15">{}</text>
<text x="{LEFT}" y="38" fill="#555555">{} slots, {} rows: {:.1} s, ideal {:.1} s, efficiency {:.3}, {} starts</text>"##,
        bottom + 40.0,
        escaped(title),
        summary.nodes,
        summary.rows,
        summary.makespan,
        summary.ideal,
        summary.efficiency,
        summary.starts,
    );
    let mut open: Vec<Option<Bar>> = vec![None; lines as usize];
    for event in events {
        let Some(line) = line_of(event.slot) else {
            continue;
        };
        let y = TOP + line * line_height;
        let bar = &mut open[line as usize];
        match event.kind {
            SimEventKind::Started | SimEventKind::Copied => {
                let copy = event.kind == SimEventKind::Copied;
                *bar = Some(Bar { started: event.time, tracing: None, copy });
            }
            SimEventKind::Tracing => {
                if let Some(bar) = bar {
                    bar.tracing = Some(event.time);
                }
            }
            SimEventKind::Ended | SimEventKind::Failed | SimEventKind::GivenUp | SimEventKind::Lost => {
                if let Some(bar) = bar.take() {
                    let bad = event.kind != SimEventKind::Ended;
                    draw(&mut out, bar, (x(bar.started), x(event.time)), bar.tracing.map(x), y, line_height, bad);
                }
            }
            SimEventKind::Rows | SimEventKind::Up | SimEventKind::Rests => {}
        }
    }
    for (line, bar) in open.into_iter().enumerate() {
        if let Some(bar) = bar {
            let y = TOP + line as f64 * line_height;
            let end = x(summary.makespan);
            draw(&mut out, bar, (x(bar.started), end), bar.tracing.map(x), y, line_height, false);
        }
    }
    for (time, name, colour) in [(summary.ideal, "ideal", "#1f4e9c"), (summary.makespan, "makespan", "#000000")] {
        let _ = writeln!(
            out,
            r##"<line x1="{0:.1}" x2="{0:.1}" y1="{TOP}" y2="{1:.1}" stroke="{colour}" stroke-dasharray="4 3"/>"##,
            x(time),
            bottom + 4.0,
        );
        let (anchor, shift) = if name == "ideal" { ("end", -4.0) } else { ("start", 4.0) };
        let _ = writeln!(
            out,
            r##"<text x="{:.1}" y="{:.1}" fill="{colour}" text-anchor="{anchor}">{name}</text>"##,
            (x(time) + shift).min(WIDTH - 66.0),
            bottom + 18.0,
        );
    }
    let _ = writeln!(out, r##"<text x="{LEFT}" y="{:.1}" fill="#555555">0 s</text>"##, bottom + 18.0);
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, bar: Bar, (from, to): (f64, f64), tracing: Option<f64>, y: f64, line_height: f64, bad: bool) {
    let height = line_height - 2.0;
    let traces = tracing.unwrap_or(to).clamp(from, to);
    let colour = match (bad, bar.copy) {
        (true, _) => "#c8462f",
        (false, true) => "#e0b030",
        (false, false) => "#4c9a5a",
    };
    for (start, end, colour) in [(from, traces, "#b9b9b9"), (traces, to, colour)] {
        if end > start {
            let _ = writeln!(
                out,
                r##"<rect x="{start:.2}" y="{y:.1}" width="{:.2}" height="{height:.1}" fill="{colour}" stroke="#ffffff" stroke-width="0.4"/>"##,
                end - start,
            );
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
