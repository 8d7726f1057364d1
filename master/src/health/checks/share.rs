//! The cluster's share: whether it answers, and its server's clock.

use td_inventory::health::{SHARE, SHARE_CLOCK};

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::{Seen, finite};
use crate::health::text::{plain, span};

pub static SHARE_CHECK: Check = Check {
    name: "share",
    meaning: "Whether the share (NFS) is mounted and answers: a stat and a small file, written and read back, in a process \
              of its own that can be left behind.",
    when: "fail: it is not mounted, does not answer, or the file failed; warn: the inventory has a share and the node none",
    remedy: "See whether the share's server runs (`td health` of it; `systemctl status nfs-server` there) and whether the \
             network between them is well. Renders go on without it: files are sent to each node then.",
    limit: Some(&SHARE),
    look: share,
};

pub static SHARE_CLOCK_CHECK: Check = Check {
    name: "share-clock",
    meaning: "The clock of the share's server against the node's, by the time that the server gave the written file. Files \
              on the share seem to come from the future where it is off.",
    when: "",
    remedy: "`clock: server` in the inventory gives all nodes the server's time; `timedatectl` tells what a node does for it.",
    limit: Some(&SHARE_CLOCK),
    look: |seen| {
        let Some(fast) = seen.fast() else { return Finding::unsupported(seen.unprobed()) };
        match &fast.share {
            Some(trial) if trial.is_server => Finding::ok("0 s", "the node is the share's server itself"),
            Some(trial) => match finite(trial.clock_ahead) {
                Some(ahead) => {
                    let side = if ahead > 0.0 { "ahead of" } else { "behind" };
                    let off = ahead.abs();
                    let what = format!("the clock of the share's server is {} {side} the node's", span(off));
                    Finding::measured(seen, &SHARE_CLOCK, off, span(off), &what, "clock: server in the inventory")
                }
                None => Finding::unsupported("the share has not answered with a time"),
            },
            None => Finding::unsupported("the node has no share"),
        }
    },
};

fn share(seen: &Seen<'_>) -> Finding {
    let Some(fast) = seen.fast() else { return Finding::unsupported(seen.unprobed()) };
    let Some(trial) = &fast.share else {
        return match (&seen.expected.share, seen.expected.is_node) {
            (Some(path), _) => {
                let sentence = format!("the node has no share, the inventory says {path}: td-provision apply");
                Finding::warn("none", sentence).wanted(path.as_str())
            }
            (None, true) => Finding::ok("none", "the cluster has no share"),
            (None, false) => Finding::unsupported("the node has no share"),
        };
    };
    let path = plain(&trial.path);
    if let Some(hangs) = finite(trial.hangs) {
        return Finding::fail("hangs", format!("{path} has not answered for {}: does its server run?", span(hangs)));
    }
    let problem = trial.problem.as_deref().map(plain);
    if !trial.mounted && !trial.is_server {
        // What the folder below the mount says to a file is only a consequence.
        let why = problem.filter(|why| !why.starts_with("nothing is mounted"));
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        return Finding::fail(
            "not mounted",
            format!("nothing is mounted at {path}{why}: does the share's server run?"),
        );
    }
    if let Some(problem) = problem {
        return Finding::fail("broken", format!("{path}: {problem}"));
    }
    let Some(answered) = finite(trial.answered) else { return Finding::unsupported("the probe has not tried it yet") };
    let what = format!("a small file on {path} took {}", span(answered));
    Finding::measured(seen, &SHARE, answered, span(answered), &what, "the server or the network is busy")
}
