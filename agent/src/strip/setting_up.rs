//! What POV-Ray spends between the beginning of a trace and its first block: it makes room for the picture and starts its
//! threads. That is a part of a start, and would make a strip's first rows look dear.

/// A moment of POV-Ray's: wall seconds since it was started, and its CPU seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At {
    pub wall: f64,
    pub cpu: f64,
}

/// The looks at a trace until its first row of blocks is whole.
#[derive(Debug, Default)]
pub struct SettingUp {
    begun: Option<At>,
    /// The last look that found no block.
    empty: Option<At>,
    /// The first look that found blocks, and how many.
    first: Option<(u32, At)>,
    blocks: u32,
    is_known: bool,
}

impl SettingUp {
    /// The trace begins.
    pub fn begin(&mut self, at: At) {
        *self = Self { begun: Some(at), ..Self::default() };
    }

    /// All blocks are read again.
    pub fn restart(&mut self) {
        (self.blocks, self.first) = (0, None);
    }

    /// A block is there.
    pub fn block(&mut self) {
        self.blocks = self.blocks.saturating_add(1);
    }

    /// The end of a look.
    pub fn end_look(&mut self, at: At) {
        match self.first {
            None if self.blocks == 0 => self.empty = Some(at),
            None => self.first = Some((self.blocks, at)),
            Some(_) => {}
        }
    }

    /// With the last block the first row of blocks is whole, at `cpu`: when the first block was begun. Said once; none where
    /// nothing was spent before it, as far as the looks tell.
    pub fn first_row(&mut self, cpu: f64) -> Option<At> {
        let begun = self.begun.filter(|_| !std::mem::replace(&mut self.is_known, true))?;
        // By the pace of the blocks after the first look that found some, those before it took so long; a few blocks tell no pace ...
        let by_pace = self.first.filter(|&(first, _)| first <= self.blocks / 2).map(|(first, at)| {
            let each = (cpu - at.cpu) / f64::from(self.blocks - first);
            at.cpu - each * f64::from(first)
        });
        // ... and at a look without blocks the first was at work at most.
        let by_empty = self.empty.map(|at| at.cpu - (cpu - at.cpu) / f64::from(self.blocks.max(1)));
        let until = by_pace.into_iter().chain(by_empty).fold(begun.cpu, f64::max);
        let seen = self.first.map(|(_, at)| at).or(self.empty)?;
        let part = (until - begun.cpu) / (seen.cpu - begun.cpu);
        let wall = begun.wall + (seen.wall - begun.wall) * part.clamp(0.0, 1.0);
        (part.is_finite() && part > 0.0 && wall.is_finite()).then_some(At { wall, cpu: until.min(cpu) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace that begins at 1 s and sets up for `set_up` CPU seconds on a tenth of a processor; then ten blocks, a CPU second each.
    fn looks(set_up: f64, at_cpu: &[f64]) -> Option<At> {
        let mut trace = SettingUp::default();
        trace.begin(At { wall: 1.0, cpu: 0.5 });
        let mut found = 0;
        for &cpu in at_cpu {
            let blocks = (cpu - set_up).max(0.0) as u32;
            while found < blocks.min(10) {
                trace.block();
                found += 1;
            }
            if found == 10 {
                break;
            }
            trace.end_look(At { wall: 1.0 + 10.0 * cpu, cpu: 0.5 + cpu });
        }
        trace.first_row(0.5 + set_up + 10.0)
    }

    #[track_caller]
    fn is_about(at: Option<At>, set_up: f64, error: f64) {
        let at = at.unwrap();
        assert!((at.cpu - 0.5 - set_up).abs() <= error, "{at:?}");
        assert!((at.wall - 1.0 - 10.0 * set_up).abs() <= 10.0 * error, "{at:?}");
    }

    #[test]
    fn the_pace_of_later_blocks_tells_when_the_first_began() {
        is_about(looks(5.0, &[8.0, 12.0, 20.0]), 5.0, 1e-9);
        is_about(looks(5.0, &[2.0, 6.0, 12.0, 20.0]), 5.0, 1e-9);
    }

    #[test]
    fn where_one_look_finds_the_whole_row_the_look_before_tells_the_least() {
        is_about(looks(5.0, &[4.5, 20.0]), 4.0, 0.7);
    }

    #[test]
    fn where_nothing_was_set_up_nothing_is_told() {
        assert_eq!(looks(0.0, &[3.0, 6.0, 20.0]), None);
        assert_eq!(looks(0.0, &[20.0]), None);
        assert_eq!(SettingUp::default().first_row(1.0), None);
    }

    #[test]
    fn it_is_told_once() {
        let mut trace = SettingUp::default();
        trace.begin(At { wall: 0.0, cpu: 0.0 });
        trace.end_look(At { wall: 4.0, cpu: 4.0 });
        trace.block();
        assert!(trace.first_row(5.0).is_some());
        assert_eq!(trace.first_row(6.0), None);
    }
}
