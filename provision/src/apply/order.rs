//! In which order nodes reboot: the share's server first and alone, since the others mount from it; then the others side
//! by side. It is said before.

use serde_json::json;

use super::change::Work;
use super::failed;
use super::reboot::reboot;
use crate::crew::{Crew, Hand, NodeError};

/// Reboots all that need it.
pub async fn reboots<'a>(crew: &'a Crew, works: &mut [Work<'a>], server: Option<&str>) {
    let names: Vec<String> =
        works.iter().filter(|work| work.needs_reboot && !work.over).map(|work| work.node.name.clone()).collect();
    let groups = order(&names, server);
    if groups.is_empty() || crew.stop.is_asked() {
        return;
    }
    let said: Vec<String> = groups.iter().map(|group| group.join(", ")).collect();
    crew.report.event(&json!({ "event": "reboots", "order": groups }));
    crew.report.text(&format!("Reboots: {}\n", said.join("; then, when it is back, ")));
    for group in groups {
        let chosen = works.iter_mut().filter(|work| group.contains(&work.node.name));
        crew.each(chosen, |work| one(crew, work)).await;
        // Those behind a gate that has just rebooted have lost their way here.
        let lost = works.iter_mut().filter(|work| !work.over && work.hand.as_ref().is_some_and(Hand::is_lost));
        crew.each(lost, |work| again(crew, work)).await;
    }
}

async fn again<'a>(crew: &'a Crew, work: &mut Work<'a>) {
    work.hand = None;
    let opened = Hand::open(crew, work.node).await;
    settle(crew, work, opened).await;
}

/// Takes a new connection. td-agent is needed there for the proofs, and one that was only brought for the apply (`--only`
/// without `agent`) has gone with the connection before.
async fn settle<'a>(crew: &'a Crew, work: &mut Work<'a>, opened: Result<Hand<'a>, NodeError>) {
    let ready = match opened {
        Ok(mut hand) => hand.ready().await.map(|()| hand),
        Err(error) => Err(error),
    };
    match ready {
        Ok(hand) => work.hand = Some(hand),
        Err(error) => {
            work.over = true;
            failed(crew, &work.node.name, &mut work.recap, &error);
        }
    }
}

async fn one<'a>(crew: &'a Crew, work: &mut Work<'a>) {
    let (Some(hand), Some(before)) = (work.hand.take(), work.boot_id.clone()) else {
        return;
    };
    match reboot(crew, hand, &before).await {
        Ok(back) => {
            let name = &work.node.name;
            crew.report
                .event(&json!({ "event": "rebooted", "node": name, "seconds": crate::report::rounded(back.seconds) }));
            crew.report.text(&format!("{name}: is back after {:.0} s\n", back.seconds));
            work.needs_reboot = false;
            settle(crew, work, Ok(back.hand)).await;
        }
        Err(error) => {
            work.over = true;
            failed(crew, &work.node.name, &mut work.recap, &error);
        }
    }
    work.recap.seconds = crew.seconds();
}

/// The groups, one after the other.
pub fn order(names: &[String], server: Option<&str>) -> Vec<Vec<String>> {
    let is_server = |name: &&String| Some(name.as_str()) == server;
    let first: Vec<String> = names.iter().filter(is_server).cloned().collect();
    let rest: Vec<String> = names.iter().filter(|name| !is_server(name)).cloned().collect();
    [first, rest].into_iter().filter(|group| !group.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn everybody_once_and_the_server_first(count in 0usize..6, server in proptest::option::of(0usize..8)) {
            let names: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
            let server = server.map(|n| format!("n{n}"));
            let groups = order(&names, server.as_deref());
            prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), count);
            let mut all = groups.concat();
            all.sort();
            prop_assert_eq!(&all, &names, "everybody once");
            prop_assert!(groups.iter().all(|group| !group.is_empty()));
            if let Some(server) = server.filter(|server| names.contains(server)) {
                prop_assert_eq!(&groups[0], &vec![server], "first and alone");
            }
        }
    }
}
