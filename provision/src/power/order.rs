//! In which order nodes go down: one that others are reached through after those behind it, the share's server after all
//! that mount from it. No I/O.

use std::collections::BTreeMap;

/// The groups, one after the other; within a group all go side by side.
///
/// `ways[n]` are the nodes that the way to node `n` passes. Where the server itself stands behind a gate, the gate goes after
/// it: else nobody would reach the server any more.
pub fn order(ways: &[Vec<usize>], server: Option<usize>) -> Vec<Vec<usize>> {
    let count = ways.len();
    // How many machines stand behind one another there. Ways are no circles; were they, `count` would end it.
    let mut depth = vec![0; count];
    for _ in 0..count {
        for (node, way) in ways.iter().enumerate() {
            for &gate in way {
                depth[gate] = depth[gate].max((depth[node] + 1).min(count));
            }
        }
    }
    let mut after_server = vec![false; count];
    let mut open: Vec<usize> = server.into_iter().collect();
    while let Some(node) = open.pop() {
        for &gate in &ways[node] {
            if !after_server[gate] {
                after_server[gate] = true;
                open.push(gate);
            }
        }
    }
    let mut groups: BTreeMap<(u8, usize), Vec<usize>> = BTreeMap::new();
    for node in 0..count {
        let key = match (Some(node) == server, after_server[node]) {
            (true, _) => (1, 0),
            (false, false) => (0, depth[node]),
            (false, true) => (2, depth[node]),
        };
        groups.entry(key).or_default().push(node);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gates_after_those_behind_them() {
        // 0 serves; 1 is 2's gate, 3 stands behind both.
        assert_eq!(order(&[vec![], vec![], vec![1], vec![1, 2]], Some(0)), [vec![3], vec![2], vec![1], vec![0]]);
        assert_eq!(order(&[vec![], vec![], vec![]], Some(1)), [vec![0, 2], vec![1]]);
        assert_eq!(order(&[vec![], vec![0], vec![0]], None), [vec![1, 2], vec![0]]);
        // The server is the gate, or stands behind one.
        assert_eq!(order(&[vec![], vec![0], vec![]], Some(0)), [vec![1, 2], vec![0]]);
        assert_eq!(order(&[vec![], vec![0], vec![0]], Some(1)), [vec![2], vec![1], vec![0]]);
        assert!(order(&[], None).is_empty());
    }

    proptest! {
        #[test]
        fn everybody_once_and_reachable(
            // A node's gates have lower numbers, so that there is no circle.
            picks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0..9),
            server in any::<Option<prop::sample::Index>>(),
        ) {
            let count = picks.len();
            let ways: Vec<Vec<usize>> = picks
                .iter()
                .enumerate()
                .map(|(node, picks)| if node == 0 { Vec::new() } else { picks.iter().map(|pick| pick.index(node)).collect() })
                .collect();
            let server = server.filter(|_| count > 0).map(|server| server.index(count));
            let groups = order(&ways, server);
            let mut all = groups.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            let at = |node: usize| groups.iter().position(|group| group.contains(&node));
            for (node, way) in ways.iter().enumerate() {
                prop_assert!(way.iter().all(|&gate| at(gate) > at(node)), "{ways:?} {groups:?}");
            }
            // Who goes after the server is on the way to it.
            if let Some(server) = server {
                let mut gates = ways[server].clone();
                let mut next = 0;
                while let Some(&gate) = gates.get(next) {
                    gates.extend(ways[gate].iter().filter(|gate| !gates.contains(gate)).collect::<Vec<_>>());
                    next += 1;
                }
                for node in (0..count).filter(|&node| node != server && !gates.contains(&node)) {
                    prop_assert!(at(node) < at(server), "{ways:?} {groups:?}");
                }
            }
        }
    }
}
