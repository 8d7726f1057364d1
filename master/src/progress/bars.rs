//! Bars on a terminal: a total with the time left, and a line per node.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::{Status, duration};

/// Nodes shown with a line of their own; more would push the total off the screen.
const MOST_NODES: usize = 16;
const TICK: Duration = Duration::from_millis(120);

/// The bars; drawn on standard error.
#[derive(Debug, Default)]
pub struct Bars {
    screen: MultiProgress,
    total: Option<ProgressBar>,
    nodes: Vec<ProgressBar>,
}

impl Bars {
    pub fn note(&self, text: &str) {
        let line = format!("td: {text}");
        if self.screen.println(&line).is_err() {
            eprintln!("{line}");
        }
    }

    pub fn stage(&mut self, text: &str) {
        let total = self.total();
        total.set_style(style("{spinner} {msg}"));
        total.set_message(text.to_owned());
        total.enable_steady_tick(TICK);
    }

    pub fn status(&mut self, status: &Status) {
        let total = self.total();
        total.set_style(style("{bar:32} {msg}"));
        total.set_length(1000);
        total.set_position((status.share.clamp(0.0, 1.0) * 1000.0) as u64);
        let left =
            status.left.map_or_else(|| "time left: not known yet".to_owned(), |s| format!("{} left", duration(s)));
        total.set_message(format!("{} of {} rows, {left}", status.rows_done, status.rows_total));
        for (index, node) in status.nodes.iter().take(MOST_NODES).enumerate() {
            if self.nodes.len() <= index {
                let bar = self.screen.add(ProgressBar::new_spinner());
                bar.set_style(style("  {msg}"));
                self.nodes.push(bar);
            }
            let Some(bar) = self.nodes.get(index) else { continue };
            let doing = match &node.trouble {
                Some(trouble) => trouble.clone(),
                None => format!("{} of {} slots busy", node.busy, node.slots),
            };
            bar.set_message(format!("{:<16} {:>7} rows  {doing}", node.name, node.rows));
        }
    }

    pub fn clear(&mut self) {
        for bar in self.nodes.drain(..).chain(self.total.take()) {
            bar.finish_and_clear();
        }
    }

    fn total(&mut self) -> ProgressBar {
        let screen = &self.screen;
        self.total.get_or_insert_with(|| screen.add(ProgressBar::new(1000))).clone()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
