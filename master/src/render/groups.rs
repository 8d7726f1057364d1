//! Which agents work together. No I/O: what they told in, a decision out.
//!
//! POV-Rays of 32 and of 64 bit draw procedural textures differently (a signed overflow in the noise table), and so may
//! POV-Rays of two versions. Agents with one fingerprint draw one picture; they are a **group**. A picture is exact only
//! within a group, so one is taken: the faster by the small scene that each agent
//! renders at its start, times its slots, unless the user says which.

use td_protocol::hello::Fingerprint;

/// What the user said about groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupWish {
    /// `--group`: bits of a word of the POV-Rays to use.
    pub word_size: Option<u32>,
    /// `--mix-groups`: all of them, whatever they draw.
    pub mix: bool,
}

/// One agent with a usable POV-Ray.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub name: String,
    pub fingerprint: Fingerprint,
    /// Relative speed of all its slots together.
    pub speed: f64,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Members that take part, by their number.
    pub taken: Vec<usize>,
    /// Of the fastest group among them.
    pub fingerprint: Fingerprint,
    /// Whether they are of more than one group, so that the picture is not exact.
    pub mixed: bool,
    /// Sentences for the user: which group was taken and why, and who is left out.
    pub notes: Vec<String>,
}

/// `--group` names what nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--group {wanted}: no agent has a POV-Ray of {wanted} bit; there are {}", there.join(", "))]
pub struct NoSuchGroup {
    wanted: u32,
    there: Vec<String>,
}

struct Group<'a> {
    fingerprint: &'a Fingerprint,
    speed: f64,
    members: Vec<usize>,
}

/// Chooses among at least one member; `Ok(None)` for none.
///
/// # Errors
/// [`NoSuchGroup`].
pub fn choose(members: &[Member], wish: GroupWish) -> Result<Option<Choice>, NoSuchGroup> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, member) in members.iter().enumerate() {
        match groups.iter_mut().find(|group| *group.fingerprint == member.fingerprint) {
            Some(group) => {
                group.speed += member.speed;
                group.members.push(number);
            }
            None => groups.push(Group { fingerprint: &member.fingerprint, speed: member.speed, members: vec![number] }),
        }
    }
    groups.sort_by(|a, b| b.speed.total_cmp(&a.speed));
    let is_wanted = |group: &Group| wish.word_size.is_none_or(|bits| bits == group.fingerprint.word_size);
    let Some(best) = groups.iter().position(is_wanted) else {
        return match wish.word_size {
            Some(wanted) if !groups.is_empty() => {
                Err(NoSuchGroup { wanted, there: groups.iter().map(|group| describe(group)).collect() })
            }
            _ => Ok(None),
        };
    };
    let best = groups.remove(best);
    let mixed = wish.mix && !groups.is_empty();
    let mut taken = best.members.clone();
    let mut notes = Vec::new();
    if mixed {
        taken.extend(groups.iter().flat_map(|group| &group.members));
        taken.sort_unstable();
    } else if !groups.is_empty() {
        let why = if wish.word_size.is_some() { "as --group says" } else { "the faster by td's test scene" };
        let others: Vec<String> = groups.iter().map(describe).collect();
        notes.push(format!(
            "rendering by {}, {why}, and not by {}, which draws procedural textures otherwise (--group chooses, \
             --mix-groups takes all and is not exact)",
            describe(&best),
            others.join(" and ")
        ));
        for &number in groups.iter().flat_map(|group| &group.members) {
            notes.push(left_out(&members[number], best.fingerprint));
        }
    }
    Ok(Some(Choice { taken, fingerprint: best.fingerprint.clone(), mixed, notes }))
}

/// `2 nodes of 32 bit (POV-Ray 3.7.0.10, speed 1.5)`.
fn describe(group: &Group) -> String {
    let count = group.members.len();
    let nodes = if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") };
    let (bits, version) = (group.fingerprint.word_size, &group.fingerprint.povray);
    format!("{nodes} of {bits} bit (POV-Ray {version}, speed {:.2})", group.speed)
}

fn left_out(member: &Member, taken: &Fingerprint) -> String {
    let own = &member.fingerprint;
    format!(
        "{} is left out: its POV-Ray ({}, {} bit) draws otherwise than the others' ({}, {} bit)",
        member.name, own.povray, own.word_size, taken.povray, taken.word_size
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use td_protocol::hash::ContentHash;

    use super::*;

    fn member(name: &str, word_size: u32, picture: u8, speed: f64) -> Member {
        let picture = ContentHash([picture; 32]);
        Member {
            name: name.to_owned(),
            fingerprint: Fingerprint { povray: "3.7.0.10".to_owned(), word_size, picture },
            speed,
        }
    }

    fn shelf() -> Vec<Member> {
        vec![member("one", 32, 1, 1.0), member("desk", 64, 2, 1.8), member("two", 32, 1, 1.0)]
    }

    #[test]
    fn the_faster_group_is_taken_and_said() {
        let choice = choose(&shelf(), GroupWish::default()).unwrap().unwrap();
        assert_eq!((choice.taken, choice.mixed), (vec![0, 2], false));
        assert_eq!(
            choice.notes,
            [
                "rendering by 2 nodes of 32 bit (POV-Ray 3.7.0.10, speed 2.00), the faster by td's test scene, and not by 1 \
                 node of 64 bit (POV-Ray 3.7.0.10, speed 1.80), which draws procedural textures otherwise (--group \
                 chooses, --mix-groups takes all and is not exact)",
                "desk is left out: its POV-Ray (3.7.0.10, 64 bit) draws otherwise than the others' (3.7.0.10, 32 bit)",
            ]
        );
    }

    #[test]
    fn the_user_may_say_which() {
        let wish = GroupWish { word_size: Some(64), mix: false };
        let choice = choose(&shelf(), wish).unwrap().unwrap();
        assert_eq!(choice.taken, [1]);
        assert!(choice.notes[0].contains("as --group says"));
        let only_32 = [member("one", 32, 1, 1.0)];
        let error = choose(&only_32, wish).unwrap_err().to_string();
        assert!(
            error.starts_with("--group 64: no agent has a POV-Ray of 64 bit; there are 1 node of 32 bit"),
            "{error}"
        );
    }

    #[test]
    fn all_may_be_mixed_and_one_group_alone_is_no_mixture() {
        let wish = GroupWish { word_size: None, mix: true };
        let choice = choose(&shelf(), wish).unwrap().unwrap();
        assert_eq!((choice.taken, choice.mixed, choice.notes.len()), (vec![0, 1, 2], true, 0));
        let alone = choose(&shelf()[..1], wish).unwrap().unwrap();
        assert!(!alone.mixed);
    }

    proptest! {
        #[test]
        fn nobody_is_taken_twice_and_exact_crews_draw_alike(
            kinds in proptest::collection::vec((0_u8..4, 0.01_f64..9.0), 0..12),
            word_size in proptest::option::of(prop_oneof![Just(32_u32), Just(64)]),
            mix: bool,
        ) {
            let members: Vec<_> =
                kinds.iter().map(|&(kind, speed)| member("x", if kind < 2 { 32 } else { 64 }, kind, speed)).collect();
            match choose(&members, GroupWish { word_size, mix }) {
                Ok(None) => prop_assert!(members.is_empty()),
                Err(_) => prop_assert!(members.iter().all(|member| Some(member.fingerprint.word_size) != word_size)),
                Ok(Some(choice)) => {
                    prop_assert!(choice.taken.is_sorted_by(|a, b| a < b));
                    let alike = |&number: &usize| members[number].fingerprint == choice.fingerprint;
                    prop_assert_eq!(choice.mixed, !choice.taken.iter().all(alike));
                    if !choice.mixed {
                        prop_assert!(members.iter().zip(0..).all(|(member, number)|
                            (member.fingerprint == choice.fingerprint) == choice.taken.contains(&number)));
                    }
                }
            }
        }
    }
}
