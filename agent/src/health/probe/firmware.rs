//! What the firmware of a Raspberry Pi says, asked by `vcgencmd`.

use std::time::Duration;

use td_protocol::health::Firmware;

use super::state::State;
use crate::converge::boot::firmware::{parse_arm_freq, parse_gpu_mem};
use crate::converge::child;
use crate::health::children::{self, Ending};
use crate::health::root::Root;

/// vcgencmd answers at once, or the firmware is wedged.
const DEADLINE: Duration = Duration::from_secs(3);

/// Asks; none where there is no firmware. What only a boot can change is asked once.
#[must_use]
pub fn read(root: &Root, state: &mut State) -> Option<Firmware> {
    let throttled = ask(root, state, &["get_throttled"])?;
    let temperature = ask(root, state, &["measure_temp"]);
    let arm_clock = ask(root, state, &["measure_clock", "arm"]);
    if state.gpu_mem.is_none() {
        state.gpu_mem = ask(root, state, &["get_mem", "gpu"]).as_deref().and_then(parse_gpu_mem);
    }
    if state.arm_freq.is_none() {
        state.arm_freq = ask(root, state, &["get_config", "arm_freq"]).as_deref().and_then(parse_arm_freq);
    }
    let said = Firmware {
        throttled: parse_throttled(&throttled),
        temperature: temperature.as_deref().and_then(parse_temperature),
        arm_clock: arm_clock.as_deref().and_then(parse_clock),
        arm_freq: state.arm_freq,
        gpu_mem: state.gpu_mem,
    };
    (said != Firmware::default()).then_some(said)
}

fn ask(root: &Root, state: &mut State, arguments: &[&str]) -> Option<String> {
    if !root.is_here() {
        return None;
    }
    let mut command = child::command("vcgencmd");
    match children::run(root, &mut state.left, "vcgencmd", command.args(arguments), DEADLINE) {
        Ending::Ended(ended) if ended.status.success() => Some(ended.output),
        _ => None,
    }
}

/// From `throttled=0x50005`.
fn parse_throttled(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("throttled=0x")?, 16).ok()
}

/// From `temp=47.2'C`.
fn parse_temperature(text: &str) -> Option<f64> {
    text.trim().strip_prefix("temp=")?.strip_suffix("'C")?.parse().ok()
}

/// Hz, from `frequency(48)=800000000`; 0 where it did not measure.
fn parse_clock(text: &str) -> Option<f64> {
    let hertz = text.trim().rsplit_once('=')?.1.parse::<u64>().ok()?;
    (hertz > 0).then_some(hertz as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(parse_throttled("throttled=0x50005\n"), Some(0x5_0005));
        assert_eq!(parse_throttled("throttled=0x0\n"), Some(0));
        assert_eq!(parse_throttled("error=1 error_msg=\"Command not registered\"\n"), None);
        assert_eq!(parse_temperature("temp=47.2'C\n"), Some(47.2));
        assert_eq!(parse_temperature("temp=\n"), None);
        assert_eq!(parse_clock("frequency(48)=700074240\n"), Some(700_074_240.0));
        assert_eq!(parse_clock("frequency(48)=0\n"), None);
    }
}
