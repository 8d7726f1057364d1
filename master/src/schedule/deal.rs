//! The first cut: who gets which rows, so that all finish together.

use td_protocol::rows::Rows;

use super::cost_map::CostSums;
use super::grid::Grid;
use super::job::WriteCost;

/// What is known of a slot that waits for rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand {
    /// Relative speed.
    pub speed: f64,
    /// Until it traces, in seconds.
    pub start_seconds: f64,
}

/// The picture, as far as the cut has to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    pub sums: &'a CostSums,
    /// Seconds at speed 1 per unit of `sums`.
    pub seconds_per_unit: f64,
    pub grid: Grid,
    pub write: WriteCost,
    pub height: u32,
}

/// Cuts `rows` so that the predicted finish of all `hands` is the same, top down in their order. A hand that could
/// not even start before the others have finished gets no rows.
pub(super) fn deal(rows: Rows, hands: &[Hand], table: Table<'_>) -> Vec<Rows> {
    if hands.len() < 2 {
        return hands.iter().map(|_| rows).collect();
    }
    let slowest_way = hands
        .iter()
        .map(|hand| {
            let work = table.sums.of(rows) * table.seconds_per_unit + table.write.top + table.write.bottom;
            hand.start_seconds + work / hand.speed
        })
        .fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, slowest_way.max(1e-9));
    // Fifty halvings leave nothing that a double could tell.
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if reach(rows, hands, table, middle, |_| ()) >= f64::from(rows.end) - 1e-6 {
            high = middle
        } else {
            low = middle
        }
    }
    let mut wished = Vec::with_capacity(hands.len());
    reach(rows, hands, table, high, |row| wished.push(row));
    if table.sums.known() {
        along_grid(rows, hands, table, &wished, (high, slowest_way))
    } else {
        // The bounds are guesses, and no grid makes them worse.
        nearest(rows, table, &wished)
    }
}

fn nearest(rows: Rows, table: Table<'_>, wished: &[f64]) -> Vec<Rows> {
    let mut start = rows.start;
    let last = wished.len() - 1;
    wished
        .iter()
        .enumerate()
        .map(|(index, &bound)| {
            let end = if index == last { rows.end } else { table.grid.nearest(bound).clamp(start, rows.end) };
            let share = Rows::new(start, end);
            start = end;
            share
        })
        .collect()
}

/// Cuts along the grid, so that the last finish is as early as the grid allows, and as near to the `wished` bounds as that
/// allows. The last finish lies between `least` and `most`.
fn along_grid(rows: Rows, hands: &[Hand], table: Table<'_>, wished: &[f64], (least, most): (f64, f64)) -> Vec<Rows> {
    let all =
        |finish: f64| hands.iter().fold(rows.start, |row, hand| furthest(row, rows, *hand, table, finish)) >= rows.end;
    let (mut low, mut high) = (least, most.max(least));
    if all(low) {
        high = low;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if all(middle) { high = middle } else { low = middle }
    }
    // A hair more, or the last digits would decide.
    let finish = high * (1.0 + 1e-9);
    // The first row that the hands after each can do with, from the last one up.
    let mut needed = vec![rows.end; hands.len()];
    for index in (1..hands.len()).rev() {
        needed[index - 1] = nearest_start(needed[index], rows, hands[index], table, finish);
    }
    let mut start = rows.start;
    let ends = hands.iter().zip(wished).zip(needed);
    ends.map(|((hand, &wished), needed)| {
        let most = furthest(start, rows, *hand, table, finish);
        let end = table.grid.nearest(wished).max(needed).min(most).clamp(start, rows.end);
        let share = Rows::new(start, end);
        start = end;
        share
    })
    .collect()
}

/// The lowest bound at which a strip from `row` can end if it has to finish by `finish`.
fn furthest(row: u32, rows: Rows, hand: Hand, table: Table<'_>, finish: f64) -> u32 {
    let end = below(f64::from(row), (finish - hand.start_seconds) * hand.speed, table);
    if end >= f64::from(rows.end) - 1e-6 {
        return rows.end;
    }
    table.grid.floor((end + 1e-6) as u32).clamp(row, rows.end)
}

/// The highest bound at which a strip that ends before row `end` can begin.
fn nearest_start(end: u32, rows: Rows, hand: Hand, table: Table<'_>, finish: f64) -> u32 {
    let write = if table.write.is_none() { 0.0 } else { table.write.seconds(end, table.height) };
    let seconds = (finish - hand.start_seconds) * hand.speed - write;
    if seconds <= 0.0 {
        return end;
    }
    let start = table.sums.row_at((table.sums.before(f64::from(end)) - seconds / table.seconds_per_unit).max(0.0));
    table.grid.ceil((start - 1e-6).ceil().max(0.0) as u32).clamp(rows.start, end)
}

/// How far down the hands come if all of them stop at the moment `finish`, in seconds from now.
fn reach(rows: Rows, hands: &[Hand], table: Table<'_>, finish: f64, mut bound: impl FnMut(f64)) -> f64 {
    let end = f64::from(rows.end);
    let mut row = f64::from(rows.start);
    for hand in hands {
        let seconds = (finish - hand.start_seconds) * hand.speed;
        row = below(row, seconds, table).min(end);
        bound(row);
    }
    row
}

/// The end of a strip that begins at `row` and takes `seconds` of a slot of speed 1, writing included.
fn below(row: f64, seconds: f64, table: Table<'_>) -> f64 {
    let from = table.sums.before(row);
    if table.write.is_none() {
        return if seconds <= 0.0 { row } else { table.sums.row_at(from + seconds / table.seconds_per_unit).max(row) };
    }
    let cost = |end: f64| {
        let position = end / f64::from(table.height.max(1));
        (table.sums.before(end) - from) * table.seconds_per_unit
            + table.write.top
            + (table.write.bottom - table.write.top) * position
    };
    let (mut low, mut high) = (row, f64::from(table.height));
    if cost(low) >= seconds {
        return row;
    }
    if cost(high) <= seconds {
        return high;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if cost(middle) <= seconds { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::cost_map::CostMap;

    fn table(sums: &CostSums, write: WriteCost) -> Table<'_> {
        let grid = Grid { rows: Rows::new(0, 1000), origin: 0, step: 1 };
        Table { sums, seconds_per_unit: 0.1, grid, write, height: 1000 }
    }

    fn hand(speed: f64, start_seconds: f64) -> Hand {
        Hand { speed, start_seconds }
    }

    #[test]
    fn equal_slots_get_equal_cost() {
        let sums = CostSums::new(&CostMap { costs: vec![1.0, 3.0], seconds: None, load: None }, 1000);
        let shares = deal(Rows::new(0, 1000), &[hand(1.0, 0.6), hand(1.0, 0.6)], table(&sums, WriteCost::NONE));
        assert_eq!(shares, [Rows::new(0, 667), Rows::new(667, 1000)]);
    }

    #[test]
    fn speed_and_start_count() {
        let sums = CostSums::uniform(1000);
        // 100 s of work in all: 1 * (T - 0) + 3 * (T - 20) = 100, so T = 40.
        let shares = deal(Rows::new(0, 1000), &[hand(1.0, 0.0), hand(3.0, 20.0)], table(&sums, WriteCost::NONE));
        assert_eq!(shares, [Rows::new(0, 400), Rows::new(400, 1000)]);
    }

    #[test]
    fn who_starts_too_late_gets_nothing() {
        let sums = CostSums::uniform(1000);
        let shares = deal(Rows::new(0, 1000), &[hand(1.0, 0.0), hand(1.0, 200.0)], table(&sums, WriteCost::NONE));
        assert_eq!(shares[0].len() + shares[1].len(), 1000);
        assert_eq!(shares[0].len().max(shares[1].len()), 1000);
    }

    #[test]
    fn where_bands_are_coarse_the_longest_strip_is_as_short_as_they_allow() {
        // The bounds nearest to even shares would make strips of 6, 11 and 5.
        let costs = vec![1.0, 5.0, 5.0, 1.0, 5.0, 5.0];
        let sums = CostSums::new(&CostMap { costs, seconds: None, load: None }, 60);
        let grid = Grid { rows: Rows::new(0, 60), origin: 0, step: 10 };
        let table = Table { sums: &sums, seconds_per_unit: 0.1, grid, write: WriteCost::NONE, height: 60 };
        let shares = deal(Rows::new(0, 60), &[hand(1.0, 0.6); 3], table);
        assert_eq!(shares, [Rows::new(0, 20), Rows::new(20, 40), Rows::new(40, 60)]);
        let written = Table { write: WriteCost { top: 0.1, bottom: 0.1 }, ..table };
        assert_eq!(deal(Rows::new(0, 60), &[hand(1.0, 0.6); 3], written), shares);
    }

    #[test]
    fn the_lower_strip_is_shorter_where_writing_costs() {
        let sums = CostSums::uniform(1000);
        let shares = deal(
            Rows::new(0, 1000),
            &[hand(1.0, 0.0), hand(1.0, 0.0)],
            table(&sums, WriteCost { top: 0.0, bottom: 20.0 }),
        );
        // 0.1 a + 0.02 a = 0.1 (1000 - a) + 20
        assert_eq!(shares[0].end, 545);
    }
}
