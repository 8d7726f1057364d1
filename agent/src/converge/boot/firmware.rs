//! What the firmware runs with.

use std::process::Command;
use std::time::Duration;

use super::config::{Settings, parse_number};
use crate::converge::child;
use crate::converge::node::Node;

/// vcgencmd answers at once, or the firmware is wedged.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the firmware runs with; each is `None` where it does not tell. The split of the memory is what `get_mem` says:
/// `get_config` lists gpu_mem only where config.txt sets it, and some firmware says "gpu_mem is unknown".
#[must_use]
pub fn running(node: &Node) -> Settings {
    let Some(memory) = ask(node, &["get_mem", "gpu"]) else {
        return Settings::default();
    };
    let config = ask(node, &["get_config", "arm_freq"]);
    Settings { gpu_mem: parse_gpu_mem(&memory), arm_freq: config.as_deref().and_then(parse_arm_freq) }
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

/// MHz, from `arm_freq=800`.
#[must_use]
pub fn parse_arm_freq(text: &str) -> Option<u32> {
    text.trim().strip_prefix("arm_freq=").and_then(parse_number)
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
        assert_eq!(parse_arm_freq("arm_freq=800\n"), Some(800));
        assert_eq!(parse_arm_freq("arm_freq is unknown\n"), None);
        assert_eq!(parse_gpu_mem("gpu=16M\n"), Some(16));
        assert_eq!(parse_gpu_mem("gpu_mem is unknown\n"), None);
        assert_eq!(parse_clock("frequency(48)=800000000\n"), Some(800));
        assert_eq!(parse_clock("frequency(48)=700074240\n"), Some(700));
        assert_eq!(parse_clock("no"), None);
    }
}
