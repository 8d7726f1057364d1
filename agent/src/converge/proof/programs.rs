//! Whether POV-Ray and ImageMagick start.

use std::time::Duration;

use td_protocol::converge::event::ProofResult;

use super::Shown;
use crate::converge::child;
use crate::povray::locate;

const DEADLINE: Duration = Duration::from_secs(60);

/// POV-Ray 3.7, of this word size where one is asked for.
pub fn povray(word_size: Option<u32>) -> Shown {
    match locate::locate().and_then(|povray| povray.of_word_size(word_size)) {
        Ok(povray) => Shown::new(
            ProofResult::Passed,
            format!("POV-Ray {} ({} bits) at {}", povray.version, povray.word_size, povray.path.display()),
        ),
        Err(error) => Shown::new(ProofResult::Failed, error.to_string()),
    }
}

/// `convert` of ImageMagick 6 or `magick` of 7.
pub fn imagemagick() -> Shown {
    for program in ["convert", "magick"] {
        let Ok(printed) = child::run_well(child::command(program).arg("-version"), DEADLINE) else {
            continue;
        };
        let version = printed.lines().find_map(|line| line.strip_prefix("Version: ImageMagick "));
        if let Some(version) = version.and_then(|rest| rest.split_whitespace().next()) {
            return Shown::new(ProofResult::Passed, format!("ImageMagick {version} ({program})"));
        }
    }
    Shown::new(ProofResult::Failed, "neither `convert` nor `magick` is ImageMagick's: install the package imagemagick")
}
