//! Who is at the door: handshakes that are under way, and which of them has to go when there are too many.
//!
//! A handshake costs a small node a noticeable part of a second, and memory while it lasts. A stranger can begin as many as he
//! likes; so there is a bound, and when it is reached the oldest handshake of the address that has most is given up. A
//! stranger at one address then only throws out himself, and a master that answers at once is never the oldest for long.

use std::collections::HashMap;
use std::net::IpAddr;

/// Handshakes by age.
#[derive(Debug)]
pub struct Door {
    most: usize,
    /// Oldest first.
    waiting: Vec<(u64, IpAddr)>,
    next: u64,
}

impl Door {
    /// For at most `most` handshakes at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), waiting: Vec::new(), next: 0 }
    }

    /// Somebody begins a handshake. Returns its number, and that of one that has to be given up for it.
    pub fn enter(&mut self, address: IpAddr) -> (u64, Option<u64>) {
        let thrown_out = (self.waiting.len() >= self.most).then(|| self.throw_out(address)).flatten();
        let number = self.next;
        self.next += 1;
        self.waiting.push((number, address));
        (number, thrown_out)
    }

    /// A handshake has ended, in whatever way.
    pub fn leave(&mut self, number: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != number);
    }

    fn throw_out(&mut self, newcomer: IpAddr) -> Option<u64> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::from([(newcomer, 1)]);
        for (_, address) in &self.waiting {
            *counts.entry(*address).or_default() += 1;
        }
        let count = |address: &IpAddr| counts.get(address).copied().unwrap_or(0);
        let greediest = self.waiting.iter().map(|(_, address)| count(address)).max()?;
        let at = self.waiting.iter().position(|(_, address)| count(address) == greediest)?;
        Some(self.waiting.remove(at).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn below_the_bound_everybody_may_stay() {
        let mut door = Door::new(2);
        assert_eq!(door.enter(at(1)), (0, None));
        assert_eq!(door.enter(at(1)), (1, None));
        door.leave(0);
        assert_eq!(door.enter(at(2)), (2, None));
    }

    #[test]
    fn a_stranger_throws_out_himself_and_not_the_master() {
        let mut door = Door::new(4);
        let (master, _) = door.enter(at(1));
        for _ in 0..100 {
            let (_, out) = door.enter(at(66));
            assert_ne!(out, Some(master));
        }
        // Nor does the master throw out himself while the stranger has more.
        let (_, out) = door.enter(at(1));
        assert!(out.is_some_and(|out| out != master));
    }

    #[test]
    fn among_equals_the_oldest_goes() {
        let mut door = Door::new(2);
        door.enter(at(1));
        door.enter(at(2));
        assert_eq!(door.enter(at(3)), (2, Some(0)));
    }
}
