//! `td-provision verify`: all proofs, nothing changed.

use anyhow::Result;
use clap::Args;
use td_protocol::converge::desired::Proofs;

use crate::apply;
use crate::certs::ensure::Due;
use crate::crew::{self, Common, Hand};
use crate::outcome;
use crate::output::Outcome;
use crate::plan::{self, Only};
use crate::report::Recap;
use crate::stop::Stop;

/// `td-provision verify`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// Runs it.
///
/// # Errors
/// What is no node's fault.
pub async fn run(arguments: Arguments, stop: Stop) -> Result<Outcome> {
    let Some(crew) = crew::gather(&arguments.common, stop)? else {
        return Ok(Outcome::Refused);
    };
    let Some(wanted) = plan::prepare(&crew, &Only::all(), Due::Leave).await? else {
        return Ok(Outcome::Unreachable);
    };
    let opened = crew
        .each(&crew.nodes, |node| async {
            let mut hand = Hand::open(&crew, node).await?;
            hand.ready().await.map(|()| hand)
        })
        .await;
    let mut recaps: Vec<Recap> = Vec::new();
    let mut hands = Vec::new();
    for (node, result) in crew.nodes.iter().zip(opened) {
        let mut recap = Recap::default();
        match result {
            Ok(hand) => hands.push(Some(hand)),
            Err(error) => {
                apply::failed(&crew, &node.name, &mut recap, &error);
                hands.push(None);
            }
        }
        recaps.push(recap);
    }
    {
        let open = hands.iter_mut().zip(&wanted.states).zip(&mut recaps);
        let mut open: Vec<_> = open.filter_map(|((hand, state), recap)| Some((hand.as_mut()?, state, recap))).collect();
        apply::prove(&crew, &mut open, Proofs::All).await;
    }
    let reached = crew.nodes.iter().zip(&mut recaps).filter(|(_, recap)| !recap.unreachable);
    apply::agents(&crew, &wanted, reached.map(|(node, recap)| (node.name.as_str(), recap)).collect()).await;
    for hand in hands.into_iter().flatten() {
        hand.close().await;
    }
    let recaps: Vec<_> = crew.nodes.iter().map(|node| node.name.clone()).zip(recaps).collect();
    Ok(outcome::close(&crew, &recaps, "changed"))
}
