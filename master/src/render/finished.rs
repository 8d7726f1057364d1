//! What lies finished in the agents' caches, taken over before anything is rendered: side by side, each band from one node
//! that has it, and from another where that one fails. What comes with a node later is [`super::brought`].

use std::collections::{BTreeMap, HashSet};

use td_protocol::rows::Rows;
use td_protocol::segment::{SegmentMeta, check_segment};
use tokio::sync::mpsc;

use crate::compose::{Maker, Shape};
use crate::fleet::client::Client;
use crate::render::attempt::{Attempt, AttemptEnd};
use crate::schedule::{NodeId, Sharing};

/// Bands that may wait to be put away.
const WAITING: usize = 16;

/// A node and the rows that lie finished there.
pub type Offer = (NodeId, Client, Vec<Rows>);

/// A finished band of an agent's cache, checked.
#[derive(Debug)]
pub struct Band {
    pub rows: Rows,
    pub meta: SegmentMeta,
    pub data: Vec<u8>,
}

/// Which of the runs that lie finished somewhere are of use: those of which no row is there yet.
#[must_use]
pub fn wanted(attempt: &Attempt<'_>, runs: &[Rows]) -> Vec<Rows> {
    // A picture of whole leases cannot take bands of elsewhere.
    if attempt.policy.sharing != Sharing::Rows || !attempt.spec.reuse {
        return Vec::new();
    }
    let missing = attempt.spool.missing();
    let is_wanted =
        |rows: Rows| attempt.spec.options.rows.contains(rows) && missing.iter().any(|missing| missing.contains(rows));
    runs.iter().copied().filter(|&rows| is_wanted(rows)).collect()
}

/// Fetches one band; or tells why it is not to be had, in a sentence for the log.
async fn fetch_one(client: &Client, job: &str, rows: Rows, shape: Shape) -> Result<Band, String> {
    let (meta, data) = client.band(job, rows).await.map_err(|error| error.to_string())?;
    check_segment(&meta, &data, shape.width, shape.format, rows).map_err(|error| error.to_string())?;
    Ok(Band { rows, meta, data })
}

/// Fetches all that is offered, missing and whole. A band that cannot be had is rendered again, so nothing here is an error but
/// this machine's own disk.
///
/// Returns the runs and whose cache they came from.
///
/// # Errors
/// When the spool cannot be written.
pub async fn fetch(attempt: &Attempt<'_>, offers: Vec<Offer>) -> Result<Vec<(Rows, Maker)>, AttemptEnd> {
    let mut fetched = Vec::new();
    let mut failed: HashSet<NodeId> = HashSet::new();
    loop {
        let usable = offers.iter().filter(|(node, _, _)| !failed.contains(node));
        let usable: Vec<(NodeId, Vec<Rows>)> = usable.map(|(node, _, runs)| (*node, wanted(attempt, runs))).collect();
        let shares = share_out(&usable);
        if shares.is_empty() {
            return Ok(fetched);
        }
        let (tell, mut hear) = mpsc::channel(WAITING);
        for (node, runs) in shares {
            let Some((_, client, _)) = offers.iter().find(|(other, _, _)| *other == node) else { continue };
            let (client, job, shape, tell) = (client.clone(), attempt.spec.id.clone(), attempt.shape, tell.clone());
            tokio::spawn(async move { fetch_from(&client, &job, runs, shape, &tell, |band| (node, band)).await });
        }
        drop(tell);
        while let Some((node, band)) = hear.recv().await {
            match band {
                Ok(Band { rows, meta, data }) => {
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

/// Fetches these runs from one node, one after the other, up to the first that fails; each is told as `telling` puts it.
pub async fn fetch_from<T>(
    client: &Client,
    job: &str,
    runs: Vec<Rows>,
    shape: Shape,
    tell: &mpsc::Sender<T>,
    telling: impl Fn(Result<Band, String>) -> T,
) {
    for rows in runs {
        let band = fetch_one(client, job, rows, shape).await;
        let is_over = band.is_err();
        if tell.send(telling(band)).await.is_err() || is_over {
            return;
        }
    }
}

/// Which node each run is fetched from: one that has it, and of these the one with least to do.
fn share_out(offers: &[(NodeId, Vec<Rows>)]) -> BTreeMap<NodeId, Vec<Rows>> {
    let mut holders: BTreeMap<Rows, Vec<NodeId>> = BTreeMap::new();
    for (node, runs) in offers {
        for rows in runs {
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
        let offers = [(NodeId(0), runs.clone()), (NodeId(1), runs.clone()), (NodeId(2), runs[3..].to_vec())];
        let shares = share_out(&offers);
        let mut all: Vec<Rows> = shares.values().flatten().copied().collect();
        all.sort();
        assert_eq!(all, runs);
        assert_eq!(shares.len(), 3, "{shares:?}");
        assert!(share_out(&[(NodeId(0), Vec::new())]).is_empty());
    }
}
