//! What the looks at a view's state file tell of where its cost lies.
//!
//! A look finds some blocks and what CPU time POV-Ray has taken so far. What it took between two looks is shared out among
//! the blocks that came, each alike. Two things that are no block's are left out: before its first block POV-Ray sets the
//! trace up, and after its last it writes the picture.
//!
//! Where several threads trace, a row of blocks is whole when its slowest block is: what the others have begun below by then is
//! told of that row.

/// Looks that found blocks, below which nothing is told of where the cost lies: on a busy machine a look comes when it
/// can, and the map would show the looks.
const LEAST_LOOKS: usize = 6;
/// Nor is anything told where the first look found so large a part of all blocks: nobody knows what those cost.
const MOST_OF_THE_FIRST: f64 = 0.1;
/// Rows of blocks by whose pace is told what was spent before the first.
const EARLY_ROWS: u32 = 2;
/// Rows of blocks at the end that are looked at closely, so that the last look finds few blocks and little of the writing.
const LATE_ROWS: u32 = 2;

/// The looks at one view.
#[derive(Debug)]
pub struct Looks {
    /// Blocks in a row of blocks, and in all.
    row_blocks: u32,
    all_blocks: u32,
    /// For each look that found blocks: blocks so far, and CPU seconds since the start of the trace.
    found: Vec<(u32, f64)>,
    /// Rows of blocks that are whole: the first row below, and after how many blocks.
    marks: Vec<(u32, u32)>,
    blocks: u32,
}

/// Where the cost lies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Costs {
    /// CPU seconds of the trace up to the last block of each row of blocks, with the first row below. Empty where the looks
    /// were too few to tell.
    pub arrivals: Vec<(u32, f64)>,
    /// CPU seconds of all blocks.
    pub trace_cpu: f64,
}

impl Looks {
    /// At a view with so many blocks in a row and so many rows of them.
    #[must_use]
    pub const fn new(row_blocks: u32, rows: u32) -> Self {
        let all_blocks = row_blocks.saturating_mul(rows);
        Self { row_blocks, all_blocks, found: Vec::new(), marks: Vec::new(), blocks: 0 }
    }

    /// Whether the next looks had better be close to one another.
    #[must_use]
    pub fn is_late(&self) -> bool {
        (1..=LATE_ROWS.saturating_mul(self.row_blocks)).contains(&self.all_blocks.saturating_sub(self.blocks))
    }

    /// A block is there.
    pub fn block(&mut self) {
        self.blocks += 1;
    }

    /// With the blocks so far all rows before `end` are whole.
    pub fn rows_whole(&mut self, end: u32) {
        self.marks.push((end, self.blocks));
    }

    /// Blocks that came since the last look that found any.
    #[must_use]
    pub fn fresh(&self) -> u32 {
        self.blocks - self.found.last().map_or(0, |&(blocks, _)| blocks)
    }

    /// The look that found the last blocks ended after so many CPU seconds of the trace.
    pub fn end_look(&mut self, cpu: f64) {
        if self.fresh() > 0 {
            let before = self.found.last().map_or(0.0, |&(_, cpu)| cpu);
            self.found.push((self.blocks, cpu.max(before)));
        }
    }

    /// Where the cost lies, by all looks so far; `is_whole`: these were all blocks.
    #[must_use]
    pub fn costs(&self, is_whole: bool) -> Costs {
        let Some(&(first, _)) = self.found.first() else { return Costs::default() };
        let setting_up = self.setting_up();
        let mut points = vec![(0, 0.0)];
        points.extend(self.found.iter().map(|&(blocks, cpu)| (blocks, cpu - setting_up)));
        if is_whole {
            self.leave_the_writing_out(&mut points);
        }
        let trace_cpu = points.last().map_or(0.0, |&(_, cpu)| cpu);
        let seen_well =
            self.found.len() >= LEAST_LOOKS && f64::from(first) <= MOST_OF_THE_FIRST * f64::from(self.blocks);
        let arrivals = if seen_well { self.arrivals(&points) } else { Vec::new() };
        Costs { arrivals, trace_cpu }
    }

    /// CPU seconds before the first block, if the first rows of blocks are traced at one pace.
    ///
    /// POV-Ray writes blocks when it can: they wait, and then many come at once, so that two looks tell little. The line is laid
    /// through all looks at these rows, by least squares.
    fn setting_up(&self) -> f64 {
        let Some(&(first, first_cpu)) = self.found.first() else { return 0.0 };
        let enough = |&(blocks, _): &(u32, f64)| blocks - first >= EARLY_ROWS * self.row_blocks;
        let until = self.found.iter().position(enough).unwrap_or(self.found.len() - 1);
        let early = &self.found[..=until];
        let looks = early.len() as f64;
        let (blocks, cpu) = early.iter().fold((0.0, 0.0), |(x, y), &(blocks, cpu)| (x + f64::from(blocks), y + cpu));
        let (blocks, cpu) = (blocks / looks, cpu / looks);
        let (with_cpu, with_blocks) = early.iter().fold((0.0, 0.0), |(xy, xx), &(found, spent)| {
            let beyond = f64::from(found) - blocks;
            (xy + beyond * (spent - cpu), xx + beyond * beyond)
        });
        let before = cpu - with_cpu / with_blocks * blocks;
        if before.is_finite() { before.clamp(0.0, first_cpu) } else { 0.0 }
    }

    /// After its last block POV-Ray writes the picture, and the look that finds that block may come late: its blocks cost no more
    /// than those of the row of blocks before.
    fn leave_the_writing_out(&self, points: &mut [(u32, f64)]) {
        let [seen @ .., (last, at_last)] = points else { return };
        let Some(&(before, at_before)) = seen.last() else { return };
        let from = seen.iter().rev().find(|&&(blocks, _)| before - blocks >= self.row_blocks).or(seen.first());
        if let Some(&(from, at_from)) = from.filter(|&&(from, _)| from < before) {
            let each = (at_before - at_from) / f64::from(before - from);
            *at_last = at_last.min(at_before + each * f64::from(*last - before));
        }
    }

    fn arrivals(&self, points: &[(u32, f64)]) -> Vec<(u32, f64)> {
        let at = |after: u32| {
            let above = points.partition_point(|&(blocks, _)| blocks < after).clamp(1, points.len() - 1);
            let ((low, at_low), (high, at_high)) = (points[above - 1], points[above]);
            at_low + (at_high - at_low) * f64::from(after.saturating_sub(low)) / f64::from(high - low)
        };
        self.marks.iter().map(|&(end, after)| (end, at(after))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view with rows of four blocks. A look that found this many blocks, the last of which made its row whole.
    fn look(looks: &mut Looks, row_end: u32, blocks: u32, cpu: f64) {
        (0..blocks).for_each(|_| looks.block());
        looks.rows_whole(row_end);
        looks.end_look(cpu);
    }

    #[track_caller]
    fn each_row_takes_a_second(costs: &Costs, rows: usize) {
        assert_eq!(costs.arrivals.len(), rows);
        for (row, &(_, cpu)) in costs.arrivals.iter().enumerate() {
            assert!((cpu - (row as f64 + 1.0)).abs() < 1e-9, "{:?}", costs.arrivals);
        }
    }

    #[test]
    fn what_a_trace_is_set_up_with_is_not_charged_to_its_first_rows() {
        let mut looks = Looks::new(4, 16);
        // 4 s for setting up; then 4 blocks and a second each look.
        for number in 1..=16 {
            look(&mut looks, 4 * number, 4, 4.0 + f64::from(number));
        }
        each_row_takes_a_second(&looks.costs(true), 16);
        assert!((looks.costs(true).trace_cpu - 16.0).abs() < 1e-9);
    }

    /// Blocks that wait to be written come all at once: the second look alone would say that the first rows cost nothing.
    #[test]
    fn blocks_that_come_in_bursts_do_not_make_the_first_rows_cheap() {
        let mut looks = Looks::new(4, 16);
        // 4 s for setting up; then four blocks a second, of which two wait to be written.
        (0..2).for_each(|_| looks.block());
        looks.end_look(5.0);
        look(&mut looks, 4, 2, 5.01);
        look(&mut looks, 8, 4, 6.0);
        for number in 3..=16 {
            look(&mut looks, 4 * number, 4, 4.0 + f64::from(number));
        }
        let costs = looks.costs(true);
        let first = costs.arrivals[0].1;
        assert!((first - 1.0).abs() < 0.4, "{first}");
        let setting_up = 20.0 - costs.trace_cpu;
        assert!((setting_up - 4.0).abs() < 0.4, "{setting_up}");
    }

    #[test]
    fn writing_the_picture_is_not_charged_to_its_last_rows() {
        let mut looks = Looks::new(4, 16);
        for number in 1..=15 {
            look(&mut looks, 4 * number, 4, f64::from(number));
        }
        look(&mut looks, 64, 4, 25.0);
        let last = |costs: &Costs| costs.arrivals[15].1 - costs.arrivals[14].1;
        assert!((last(&looks.costs(true)) - 1.0).abs() < 1e-9);
        // As long as more is to come, it was the blocks.
        assert!((last(&looks.costs(false)) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_last_rows_are_looked_at_closely() {
        let mut looks = Looks::new(4, 16);
        look(&mut looks, 52, 52, 1.0);
        assert!(!looks.is_late());
        look(&mut looks, 56, 4, 2.0);
        assert!(looks.is_late());
        look(&mut looks, 64, 8, 3.0);
        assert!(!looks.is_late(), "all is traced");
    }

    #[test]
    fn few_looks_tell_nothing_of_where_the_cost_lies() {
        let mut looks = Looks::new(4, 16);
        assert_eq!(looks.costs(true), Costs::default());
        look(&mut looks, 40, 40, 5.0);
        assert_eq!(looks.costs(false), Costs { arrivals: Vec::new(), trace_cpu: 5.0 });
        for number in 1..=8 {
            look(&mut looks, 40 + 4 * number, 4, 5.0 + f64::from(number));
        }
        assert_eq!(looks.costs(true).arrivals, Vec::new(), "the first look found half of it");
    }
}
