//! What the firmware runs with.

use std::process::Command;
use std::time::Duration;

use super::config::{Settings, parse_number};
use crate::converge::child;
use crate::converge::node::Node;

/// vcgencmd answers at once, or the firmware is wedged.
const DEADLINE: Duration = Duration::from_secs(10);

/// The settings that the firmware read at the last boot; `None` where there is no firmware to ask.
#[must_use]
pub fn running(node: &Node) -> Option<Settings> {
    let text = ask(node, &["get_config", "int"])?;
    let settings = parse_config(&text);
    (settings != Settings::default()).then_some(settings)
}

/// Runs vcgencmd; `None` where there is none or it refuses.
#[must_use]
pub fn ask(node: &Node, arguments: &[&str]) -> Option<String> {
    if !node.is_alive() {
        return None;
    }
    let mut command: Command = child::command("vcgencmd");
    let ended = child::run(command.args(arguments), DEADLINE).ok()?;
    ended.status.success().then_some(ended.output)
}

/// From the lines of `vcgencmd get_config int`.
#[must_use]
pub fn parse_config(text: &str) -> Settings {
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        parse_number(value.trim())
    };
    Settings { gpu_mem: value("gpu_mem"), arm_freq: value("arm_freq") }
}

/// MB, from `gpu=16M`.
#[must_use]
pub fn parse_gpu_mem(text: &str) -> Option<u32> {
    text.trim().strip_prefix("gpu=")?.strip_suffix('M')?.parse().ok()
}

/// MHz, from `frequency(48)=800000000`; the firmware measures, and is off by a little.
#[must_use]
pub fn parse_clock(text: &str) -> Option<u32> {
    let hertz: u64 = text.trim().rsplit_once('=')?.1.parse().ok()?;
    u32::try_from((hertz + 500_000) / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let text = "arm_freq=800\naudio_pwm_mode=514\ngpu_mem=16\ngpu_mem_512=32\n";
        assert_eq!(parse_config(text), Settings { gpu_mem: Some(16), arm_freq: Some(800) });
        assert_eq!(parse_config("error=1"), Settings::default());
        assert_eq!(parse_gpu_mem("gpu=16M\n"), Some(16));
        assert_eq!(parse_clock("frequency(48)=800000000\n"), Some(800));
        assert_eq!(parse_clock("frequency(48)=700074240\n"), Some(700));
        assert_eq!(parse_clock("no"), None);
    }
}
