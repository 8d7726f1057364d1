//! `--verify`: which rows are rendered again, and one witness that does it, by POV-Ray's own writer.

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;
use td_protocol::segment::check_segment;
use td_protocol::strip::{StartStrip, StripEvent, Way};

use crate::compose::{Maker, Shape, plain_rows};
use crate::fleet::client::{AgentError, Client};
use crate::fleet::words;

/// Leases of verification do not meet the scheduler's.
pub(super) const FIRST_LEASE: u64 = 1 << 48;

/// What a witness says of some rows.
#[derive(Debug)]
pub struct Testimony {
    /// Hash of `samples`.
    pub picture: ContentHash,
    /// Without filters, as PNG orders them.
    pub samples: Vec<u8>,
}

/// Why a node does not say what some rows look like.
#[derive(Debug, thiserror::Error)]
pub enum NoTestimony {
    /// It is gone, and has not failed.
    #[error(transparent)]
    Gone(AgentError),
    /// It could not render them.
    #[error("{0}")]
    Failed(String),
}

impl From<AgentError> for NoTestimony {
    fn from(error: AgentError) -> Self {
        match error {
            // Who does not know the job was started anew since.
            AgentError::Unreachable { .. } | AgentError::Refused { status: 404, .. } => Self::Gone(error),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Renders `rows` again on one node.
///
/// # Errors
/// [`NoTestimony`].
pub async fn witness(
    client: Client,
    job: String,
    lease: u64,
    rows: Rows,
    shape: Shape,
    block_rows: u32,
) -> Result<Testimony, NoTestimony> {
    let failed = |reason: String| Err(NoTestimony::Failed(reason));
    let start = StartStrip { lease, rows, block_rows, way: Way::Writer, may_yield: false };
    let mut frames = client.start_strip(&job, &start).await?;
    let mut samples = Vec::new();
    let mut next = rows.start;
    while let Some((event, data)) = frames.next::<StripEvent>().await? {
        match event {
            StripEvent::Rows { segment, .. } => {
                let expected = Rows::new(next, segment.rows.end);
                let is_next = segment.rows.start == next && rows.contains(segment.rows) && !expected.is_empty();
                if !is_next {
                    return failed(format!("it sent {} where rows from {} were next", segment.rows, next + 1));
                }
                check_segment(&segment, &data, shape.width, shape.format, expected)
                    .map_err(|error| NoTestimony::Failed(error.to_string()))?;
                let plain = plain_rows(&segment, &data, shape);
                samples.extend(plain.map_err(|error| NoTestimony::Failed(error.to_string()))?);
                next = segment.rows.end;
            }
            StripEvent::Failed { message, .. } => return failed(words::plain(&message)),
            StripEvent::Ended { .. } if next == rows.end => {
                return Ok(Testimony { picture: ContentHash::of(&samples), samples });
            }
            StripEvent::Ended { .. } => return failed(format!("it ended before row {}", next + 1)),
            StripEvent::Alive { .. } | StripEvent::Tracing { .. } | StripEvent::Progress { .. } => {}
        }
    }
    let (agent, reason) = (client.name().to_owned(), "the answer ended in the middle".to_owned());
    Err(NoTestimony::Gone(AgentError::Unreachable { agent, reason }))
}

/// Runs of at least `rows` rows in all, evenly spread. `made` is in order.
pub(super) fn sample(made: &[(Rows, Maker)], rows: u32) -> Vec<(Rows, Maker)> {
    let total: u32 = made.iter().map(|(rows, _)| rows.len()).sum();
    let share = f64::from(rows) / f64::from(total.max(1));
    let count = ((made.len() as f64 * share).ceil() as usize).clamp(usize::from(!made.is_empty()), made.len());
    (0..count).filter_map(|index| made.get((2 * index + 1) * made.len() / (2 * count)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_picture() {
        let all: Vec<_> = (0..10).map(|band| (Rows::new(band * 32, band * 32 + 32), Maker(1))).collect();
        let starts = |rows| sample(&all, rows).iter().map(|(rows, _)| rows.start).collect::<Vec<_>>();
        assert_eq!(starts(64), [64, 224]);
        assert_eq!(starts(1), [160]);
        assert_eq!(starts(10_000).len(), 10);
        assert!(sample(&[], 64).is_empty());
    }
}
