//! The text of config.txt.
//!
//! td's settings are in one block at the end, under `[all]`, where they have the last word:
//!
//! ```text
//! # td: begin, kept by td-provision: do not edit
//! [all]
//! gpu_mem=16
//! arm_freq=800
//! # td: end
//! ```
//!
//! Other people's lines keep their bytes, their order, and the filter under which they stood: where a block goes that
//! stood in the middle, an `[all]` stays in its place if lines behind it need one.
//!
//! One setting cannot be overruled from the end: `gpu_mem_256`, `gpu_mem_512` and `gpu_mem_1024` come before `gpu_mem` on
//! boards of that memory. Where one is set to something else, the block sets it too.

use std::collections::BTreeMap;

use super::model::{Model, Truth};
use crate::converge::block::{BEGIN, END, bare, find, line_end, lines};

const GPU_MEM: &str = "gpu_mem";
const ARM_FREQ: &str = "arm_freq";
/// Board memories (MB) that have a gpu_mem of their own.
const GPU_MEM_SIZES: [&str; 3] = ["gpu_mem_256", "gpu_mem_512", "gpu_mem_1024"];

/// What is wanted; `None` leaves a setting as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// MB.
    pub gpu_mem: Option<u32>,
    /// MHz.
    pub arm_freq: Option<u32>,
}

/// The new text, and what the reader should know of the old one.
#[derive(Debug, PartialEq, Eq)]
pub struct Edit {
    pub text: String,
    /// Earlier lines that the block overrules, and why.
    pub notes: Vec<String>,
}

/// A setting that other people's lines make on this model.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// `line 3`, or `line 3 of usercfg.txt`.
    place: String,
    key: String,
    value: String,
    /// The filters in force, as `[pi4]`; empty under `[all]`.
    under: String,
    truth: Truth,
}

/// The text with td's block and nothing else of td's.
///
/// `included` gives the text of a file that an `include` line names.
#[must_use]
pub fn set(text: &str, wanted: Settings, model: &Model, included: &dyn Fn(&str) -> Option<String>) -> Edit {
    let rest = without_block(text);
    let others: Vec<Line> =
        settings(&rest, model, included).into_iter().filter(|line| line.truth != Truth::No).collect();
    let block = block(wanted, &others, line_end(text));
    let notes = others.iter().filter_map(|line| note(line, wanted)).collect();
    if is_in_force(text, &block) {
        return Edit { text: text.to_owned(), notes };
    }
    let mut out = rest;
    if !block.is_empty() {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(line_end(text));
        }
        out.push_str(&block);
    }
    Edit { text: out, notes }
}

/// The text without anything of td's.
#[must_use]
pub fn remove(text: &str) -> String {
    if has_block(text) { without_block(text) } else { text.to_owned() }
}

pub fn has_block(text: &str) -> bool {
    !find(text, &is_ours).is_empty()
}

/// The value that counts on this model in the end, where the text sets one.
#[must_use]
pub fn effective(text: &str, model: &Model, included: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let counting = settings(text, model, included).into_iter().filter(|line| line.truth == Truth::Yes);
    counting.map(|line| (line.key, line.value)).collect()
}

/// Whether the block is there, whole, alone, and nothing but blank lines and comments behind it.
fn is_in_force(text: &str, block: &str) -> bool {
    let found = find(text, &is_ours);
    let lines = lines(text);
    let [only] = found.as_slice() else {
        return found.is_empty() && block.is_empty();
    };
    only.whole
        && lines[only.start..only.end].concat() == block
        && lines[only.end..].iter().all(|line| !is_meaningful(bare(line)))
}

fn block(wanted: Settings, others: &[Line], end: &str) -> String {
    let mut inside = vec!["[all]".to_owned()];
    if let Some(gpu_mem) = wanted.gpu_mem {
        inside.push(format!("{GPU_MEM}={gpu_mem}"));
        for size in GPU_MEM_SIZES {
            if others.iter().any(|line| line.key == size && !is_value(&line.value, gpu_mem)) {
                inside.push(format!("{size}={gpu_mem}"));
            }
        }
    }
    if let Some(arm_freq) = wanted.arm_freq {
        inside.push(format!("{ARM_FREQ}={arm_freq}"));
    }
    if inside.len() == 1 {
        return String::new();
    }
    let lines = std::iter::once(BEGIN).chain(inside.iter().map(String::as_str)).chain(std::iter::once(END));
    lines.map(|line| format!("{line}{end}")).collect()
}

fn note(line: &Line, wanted: Settings) -> Option<String> {
    let wanted = if line.key == ARM_FREQ { wanted.arm_freq } else { wanted.gpu_mem }?;
    if is_value(&line.value, wanted) {
        return None;
    }
    let Line { place, key, value, under, truth } = line;
    let under = match (under.is_empty(), truth) {
        (true, _) => String::new(),
        (false, Truth::Perhaps) => format!(" under {under}, which may hold here"),
        (false, _) => format!(" under {under}"),
    };
    Some(format!("{place} sets {key}={value}{under}: the block at the end overrules it"))
}

/// Whether `text` is this number as the firmware reads it.
fn is_value(text: &str, number: u32) -> bool {
    parse_number(text) == Some(number)
}

/// A number in decimal or, with `0x`, hexadecimal.
#[must_use]
pub fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether a line between td's marks is one that td writes.
fn is_ours(line: &str) -> bool {
    let key = key_and_value(line).map(|(key, _)| key);
    line.is_empty() || line == "[all]" || key.is_some_and(|key| is_ours_key(&key))
}

fn is_ours_key(key: &str) -> bool {
    key == GPU_MEM || key == ARM_FREQ || GPU_MEM_SIZES.contains(&key)
}

/// Whether a line does anything.
fn is_meaningful(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn key_and_value(line: &str) -> Option<(String, String)> {
    if line.starts_with('#') {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let value = value.split('#').next().unwrap_or_default();
    Some((key.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

fn filter_word(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split(']').next().map(str::trim)
}

/// The text without td's marks and td's own lines between them; foreign lines that somebody put there stay.
fn without_block(text: &str) -> String {
    let found = find(text, &is_ours);
    if found.is_empty() {
        return text.to_owned();
    }
    let end = line_end(text);
    let mut out = String::with_capacity(text.len());
    // Whether the lines written so far leave a filter in force.
    let mut filtered = false;
    // Whether an `[all]` of td's was left out since the last line that does something.
    let mut reset = false;
    for (at, line) in lines(text).into_iter().enumerate() {
        let bare = bare(line);
        let in_block = found.iter().any(|block| (block.start..block.end).contains(&at));
        if in_block && (is_ours(bare) || bare == END || bare.starts_with(crate::converge::block::BEGIN_MARK)) {
            reset |= bare == "[all]";
            continue;
        }
        if is_meaningful(bare) {
            let is_all = filter_word(bare).is_some_and(|word| word.eq_ignore_ascii_case("all"));
            if reset && filtered && !is_all {
                out.push_str("[all]");
                out.push_str(end);
                filtered = false;
            }
            reset = false;
            match filter_word(bare) {
                Some(_) if is_all => filtered = false,
                Some(_) => filtered = true,
                None => {}
            }
        }
        out.push_str(line);
    }
    out
}

/// All lines that set one of td's keys, in order.
fn settings(text: &str, model: &Model, included: &dyn Fn(&str) -> Option<String>) -> Vec<Line> {
    let mut reader = Reader { model, filters: Filters::default(), found: Vec::new() };
    reader.read(text, None, included);
    reader.found
}

struct Reader<'a> {
    model: &'a Model,
    filters: Filters,
    found: Vec<Line>,
}

impl Reader<'_> {
    fn read(&mut self, text: &str, file: Option<&str>, included: &dyn Fn(&str) -> Option<String>) {
        for (at, line) in lines(text).into_iter().enumerate() {
            let line = bare(line);
            if let Some(word) = filter_word(line) {
                self.filters.apply(word, self.model);
            } else if let Some(name) = line.strip_prefix("include ").map(str::trim).filter(|_| file.is_none()) {
                // One level: the firmware reads no include of an include either on older boards.
                if self.filters.truth() != Truth::No
                    && let Some(text) = included(name)
                {
                    self.read(&text, Some(name), included);
                }
            } else if let Some((key, value)) = key_and_value(line)
                && is_ours_key(&key)
            {
                let place = match file {
                    Some(file) => format!("line {} of {file}", at + 1),
                    None => format!("line {}", at + 1),
                };
                let (under, truth) = (self.filters.words(), self.filters.truth());
                self.found.push(Line { place, key, value, under, truth });
            }
        }
    }
}

/// The filters in force: the last model's filter, and others, which all have to hold.
#[derive(Debug, Default)]
struct Filters {
    model: Option<(String, Truth)>,
    /// By kind: `EDID`, `gpio4`, a serial number. The last of each kind counts.
    others: BTreeMap<String, String>,
}

impl Filters {
    fn apply(&mut self, word: &str, model: &Model) {
        if word.eq_ignore_ascii_case("all") {
            *self = Self::default();
        } else if let Some(truth) = model.filter(word) {
            self.model = Some((word.to_owned(), truth));
        } else {
            let kind = match word.split_once(['=', ':']) {
                Some((kind, _)) => kind.to_ascii_lowercase(),
                None if word.starts_with("0x") => "serial".to_owned(),
                None => word.to_ascii_lowercase(),
            };
            self.others.insert(kind, word.to_owned());
        }
    }

    fn truth(&self) -> Truth {
        match &self.model {
            Some((_, Truth::No)) => Truth::No,
            _ if !self.others.is_empty() => Truth::Perhaps,
            Some((_, truth)) => *truth,
            None => Truth::Yes,
        }
    }

    fn words(&self) -> String {
        let model = self.model.iter().map(|(word, _)| word);
        model.chain(self.others.values()).map(|word| format!("[{word}]")).collect()
    }
}

/// Bytes as a text that gives the same bytes again: each is one character. config.txt may hold any encoding in its
/// comments, and td's own lines are ASCII.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The opposite of [`decode`].
#[must_use]
pub fn encode(text: &str) -> Vec<u8> {
    // Every character came from one byte, or is ASCII.
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests;
