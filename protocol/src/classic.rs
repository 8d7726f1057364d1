//! A strip in the paper's way (`--method classic`): a whole PNG of its rows, made on the node, cropped there.
//!
//! Nothing of it is shared with td's own way but the job: it is there to be measured against.

use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::strip::Failure;

/// Body of `POST /jobs/ID/classic`; the answer is a stream of frames with [`ClassicEvent`] headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartClassic {
    /// The rows of the image that the part holds.
    pub rows: Rows,
}

/// What is heard of a classic strip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ClassicEvent {
    /// Nothing new; the agent lives.
    Alive,
    /// The next piece of the cropped PNG, as the frame's payload.
    Piece,
    /// All pieces were sent. Last frame.
    Done {
        /// CPU seconds of POV-Ray.
        cpu: f64,
        /// CPU seconds of ImageMagick.
        crop_cpu: f64,
    },
    /// Last frame.
    Failed {
        failure: Failure,
        /// A sentence for the user.
        message: String,
        /// The last part of what the program printed.
        printed: String,
    },
}
