//! What lies finished in the agents' caches, taken over before anything is rendered: side by side, each band from one node
//! that has it, and from another where that one fails.

use std::collections::{BTreeMap, HashSet};

use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentMeta, check_segment};
use tokio::sync::mpsc;

use crate::compose::Maker;
use crate::fleet::client::Client;
use crate::render::attempt::{Attempt, AttemptEnd};
use crate::schedule::{NodeId, Sharing};

/// Bands that may wait to be put away.
const WAITING: usize = 16;

/// A node and the rows that lie finished there.
pub type Offer = (NodeId, Client, Vec<Rows>);

/// Fetches all that is offered, missing and whole. A band that cannot be had is rendered again, so nothing here is an error but
/// this machine's own disk.
///
/// Returns the runs and whose cache they came from.
///
/// # Errors
/// When the spool cannot be written.
pub async fn fetch(attempt: &Attempt<'_>, offers: Vec<Offer>) -> Result<Vec<(Rows, Maker)>, AttemptEnd> {
    // A picture of whole leases cannot take bands of elsewhere.
    if attempt.policy.sharing != Sharing::Rows || !attempt.spec.reuse {
        return Ok(Vec::new());
    }
    let mut fetched = Vec::new();
    let mut failed: HashSet<NodeId> = HashSet::new();
    loop {
        let usable = offers.iter().filter(|(node, _, _)| !failed.contains(node));
        let usable: Vec<(NodeId, &[Rows])> = usable.map(|(node, _, runs)| (*node, runs.as_slice())).collect();
        let missing = attempt.spool.missing();
        let is_wanted = |rows: Rows| {
            attempt.spec.options.rows.contains(rows) && missing.iter().any(|missing| missing.contains(rows))
        };
        let shares = share_out(&usable, is_wanted);
        if shares.is_empty() {
            return Ok(fetched);
        }
        let (tell, mut hear) = mpsc::channel(WAITING);
        for (node, runs) in shares {
            let Some((_, client, _)) = offers.iter().find(|(other, _, _)| *other == node) else { continue };
            tokio::spawn(fetch_from(node, client.clone(), attempt.spec.id.clone(), runs, tell.clone()));
        }
        drop(tell);
        while let Some((node, band)) = hear.recv().await {
            let band = band.and_then(|(rows, meta, data)| {
                let (width, format) = (attempt.shape.width, attempt.shape.format);
                let checked = check_segment(&meta, &data, width, format, rows).map_err(|error| error.to_string());
                checked.map(|()| (rows, meta, data))
            });
            match band {
                Ok((rows, meta, data)) => {
                    let maker = attempt.crew.maker(node);
                    let _ = attempt.spool.add_from(maker, &meta, &data)?;
                    fetched.push((rows, maker));
                }
                Err(reason) => {
                    tracing::warn!("a finished band of {node:?} is not used: {reason}");
                    failed.insert(node);
                }
            }
        }
    }
}

type Band = (Rows, SegmentMeta, Vec<u8>);

/// Fetches one node's share, one band after the other, up to the first that fails.
async fn fetch_from(
    node: NodeId,
    client: Client,
    job: String,
    runs: Vec<Rows>,
    tell: mpsc::Sender<(NodeId, Result<Band, String>)>,
) {
    for rows in runs {
        let band = client.band(&job, rows).await;
        let band = band.map(|(meta, data)| (rows, meta, data)).map_err(|error| error.to_string());
        let is_over = band.is_err();
        if tell.send((node, band)).await.is_err() || is_over {
            return;
        }
    }
}

/// Which node each wanted run is fetched from: one that has it, and of these the one with least to do.
fn share_out(offers: &[(NodeId, &[Rows])], is_wanted: impl Fn(Rows) -> bool) -> BTreeMap<NodeId, Vec<Rows>> {
    let mut holders: BTreeMap<Rows, Vec<NodeId>> = BTreeMap::new();
    for (node, runs) in offers {
        for rows in runs.iter().filter(|rows| is_wanted(**rows)) {
            holders.entry(*rows).or_default().push(*node);
        }
    }
    let mut shares: BTreeMap<NodeId, Vec<Rows>> = BTreeMap::new();
    for (rows, nodes) in holders {
        let load = |node: &NodeId| shares.get(node).map_or(0, Vec::len);
        if let Some(&node) = nodes.iter().min_by_key(|node| load(node)) {
            shares.entry(node).or_default().push(rows);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_is_fetched_once_and_the_work_is_shared() {
        let runs: Vec<Rows> = (0..4).map(|band| Rows::new(band * 32, band * 32 + 32)).collect();
        let offers = [(NodeId(0), &runs[..]), (NodeId(1), &runs[..]), (NodeId(2), &runs[3..])];
        let shares = share_out(&offers, |rows| rows.start != 0);
        let mut all: Vec<Rows> = shares.values().flatten().copied().collect();
        all.sort();
        assert_eq!(all, runs[1..]);
        assert_eq!(shares.len(), 3, "{shares:?}");
        assert!(share_out(&offers, |_| false).is_empty());
    }
}
