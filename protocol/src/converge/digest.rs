//! A plan's digest.

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use crate::hash::ContentHash;

/// One change that a plan holds, as the digest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub kind: Kind,
    pub name: String,
    /// Hash of what is there and what is to be there, hidden contents included. Equal exactly when the change is.
    pub change: ContentHash,
}

/// The digest of a plan: equal for equal changes in equal order, and for nothing else.
#[must_use]
pub fn of(changes: &[Pending]) -> ContentHash {
    let mut text = Vec::new();
    for change in changes {
        // A name holds no NUL (it is a path or a word that was checked), so the parts cannot run into each other.
        text.extend_from_slice(change.kind.word().as_bytes());
        text.push(0);
        text.extend_from_slice(change.name.as_bytes());
        text.push(0);
        text.extend_from_slice(&change.change.0);
    }
    ContentHash::of(&text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pending() -> impl Strategy<Value = Pending> {
        (0..Kind::ALL.len(), "[a-z/]{0,6}", any::<[u8; 32]>()).prop_map(|(kind, name, change)| Pending {
            kind: Kind::ALL[kind],
            name,
            change: ContentHash(change),
        })
    }

    proptest! {
        #[test]
        fn differs_exactly_when_the_plans_do(
            a in prop::collection::vec(pending(), 0..4),
            b in prop::collection::vec(pending(), 0..4),
        ) {
            prop_assert_eq!(of(&a) == of(&b), a == b);
            prop_assert_eq!(of(&a), of(&a.clone()));
        }

        #[test]
        fn one_byte_of_one_change_is_seen(mut plan in prop::collection::vec(pending(), 1..4), at in 0_usize..32) {
            let before = of(&plan);
            plan[0].change.0[at] ^= 1;
            prop_assert_ne!(before, of(&plan));
        }
    }
}
