//! `--verify`: some segments are rendered again, elsewhere and by POV-Ray's own writer, and compared.

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;
use td_protocol::strip::{StartStrip, StripEvent, Way};

use crate::render::attempt::Attempt;
use crate::render::crew::Node;
use crate::render::failure::RenderError;
use crate::schedule::NodeId;

/// Leases of verification do not meet the scheduler's.
const FIRST_LEASE: u64 = 1 << 48;

/// A segment that went into the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub rows: Rows,
    pub sha256: ContentHash,
    pub node: NodeId,
}

/// Renders segments of at least `rows` rows again, spread over the picture, and compares. Returns the rows compared.
///
/// # Errors
/// [`RenderError::Verify`] with the node and the rows when one differs; others when a node is lost.
pub async fn verify(attempt: &Attempt<'_>, made: &[Made], absent: &[NodeId], rows: u32) -> Result<u32, RenderError> {
    let present: Vec<&Node> = attempt.crew.nodes.iter().filter(|node| !absent.contains(&node.id)).collect();
    let mut verified = 0;
    for (lease, segment) in (FIRST_LEASE..).zip(sample(made, rows)) {
        let Some(node) = elsewhere(&present, segment.node) else { continue };
        let start = StartStrip { lease, rows: segment.rows, block_rows: 32, way: Way::Writer, may_yield: false };
        let mut frames = node.client.start_strip(&attempt.spec.id, &start).await?;
        let differs = |what: &str| {
            let maker = attempt.crew.node(segment.node).map_or("a node", |node| node.client.name());
            let rows = segment.rows;
            RenderError::Verify(format!("{rows} of {maker} {what} {}: no picture was written", node.client.name()))
        };
        while let Some((event, _)) = frames.next::<StripEvent>().await? {
            match event {
                StripEvent::Rows { segment: again, .. } if again.sha256 != segment.sha256 => {
                    return Err(differs("differ from what was rendered again on"));
                }
                StripEvent::Rows { segment: again, .. } => verified += again.rows.len(),
                StripEvent::Failed { message, .. } => {
                    return Err(differs(&format!("could not be rendered again ({message}) on")));
                }
                StripEvent::Ended { .. } => break,
                StripEvent::Alive | StripEvent::Tracing { .. } | StripEvent::Progress { .. } => {}
            }
        }
    }
    Ok(verified)
}

/// Segments of at least `rows` rows in all, evenly spread.
fn sample(made: &[Made], rows: u32) -> Vec<Made> {
    let mut sorted = made.to_vec();
    sorted.sort_by_key(|segment| segment.rows);
    let total: u32 = sorted.iter().map(|segment| segment.rows.len()).sum();
    let share = f64::from(rows) / f64::from(total.max(1));
    let count = ((sorted.len() as f64 * share).ceil() as usize).clamp(usize::from(!sorted.is_empty()), sorted.len());
    (0..count).filter_map(|index| sorted.get((2 * index + 1) * sorted.len() / (2 * count)).copied()).collect()
}

/// Another node than the one that made it, where there is one.
fn elsewhere<'n>(nodes: &[&'n Node], maker: NodeId) -> Option<&'n Node> {
    nodes.iter().find(|node| node.id != maker).or_else(|| nodes.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_picture() {
        let made = |start| Made { rows: Rows::new(start, start + 32), sha256: ContentHash::of(b""), node: NodeId(0) };
        let all: Vec<Made> = (0..10).map(|band| made(band * 32)).collect();
        let starts = |rows| sample(&all, rows).iter().map(|made| made.rows.start).collect::<Vec<_>>();
        assert_eq!(starts(64), [64, 224]);
        assert_eq!(starts(1), [160]);
        assert_eq!(starts(10_000).len(), 10);
        assert!(sample(&[], 64).is_empty());
    }
}
