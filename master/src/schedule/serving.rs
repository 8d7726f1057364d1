//! Giving out the rows that nobody renders, and starting strips.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use td_protocol::rows::Rows;

use super::deal::{Hand, Table, deal};
use super::event::{Action, LeaseId, SlotId};
use super::job::Sharing;
use super::lease::{Lease, Queued, Twin};
use super::moment::Moment;
use super::pace::FieldEstimate;
use super::row_set::RowSet;
use super::scheduler::{Scheduler, Timer};
use super::slots::SlotState;

/// Rows are kept back where a block costs this many starts ...
const WORTH_STARTS: f64 = 2.0;
/// ... and a strip is this many blocks.
const LEAST_BLOCKS: f64 = 8.0;

impl Scheduler {
    /// Gives waiting rows to idle slots; whether any strip was started.
    pub(super) fn serve_pool(&mut self) -> bool {
        if self.pool.is_empty() {
            return false;
        }
        match self.job.sharing {
            Sharing::Rows if self.slots.idle_count() > self.pool.len() => self.deal_pool(),
            Sharing::Rows | Sharing::OneLease => self.hand_out_whole_piece(),
            Sharing::WholeLeases => self.hand_out_chunk(),
        }
    }

    /// Gives kept-back rows to the fastest idle slot, unless a strip that would finish later can be relieved. The rows
    /// are shared out by factoring, weighted by speed: each slot takes its share of half of what is left, so the pieces
    /// get smaller towards the end.
    pub(super) fn serve_reserve(&mut self) -> bool {
        if self.reserve.is_empty() {
            return false;
        }
        let Some(slot) = self.slots.fastest_idle() else {
            return false;
        };
        let (speed, start) = (self.speed_of(slot), self.start_of(slot));
        let all = self.typical_speed * self.slots.usable().max(1) as f64;
        // Where little is left unknown, as much as lets this slot finish with the others.
        let share = if self.one_model {
            (self.level(Some(slot)) - self.now - start) * speed
        } else {
            self.reserve.seconds() * speed / all
        };
        let share = share / self.tuning.reserve_divisor.max(1.0);
        let share = share.max(self.tuning.least_starts * start * speed);
        if self.try_steal(self.now + start + share / speed) {
            return true;
        }
        let Some(rows) = self.reserve.take(&self.settled).map(|rows| self.grid.widen(rows)) else {
            return false;
        };
        let rows = self.cut_off(rows, share);
        self.start(slot, rows, None, Twin::None);
        true
    }

    /// The upper part of kept-back rows that costs about `seconds` at speed 1; the rest is kept back again.
    fn cut_off(&mut self, rows: Rows, seconds: f64) -> Rows {
        let rate = self.field_at(rows).seconds_per_unit();
        let whole = self.sums.of(rows) * rate;
        if whole < 1.5 * seconds || self.spare_starts() <= self.slots.ever() as u64 {
            return rows;
        }
        let row = self.sums.row_at(self.sums.before(f64::from(rows.start)) + seconds / rate);
        let least = self.grid.ceil(rows.start + 1);
        let cut = self.grid.nearest(row).clamp(least, rows.end);
        let rest = Rows::new(cut, rows.end);
        self.reserve.put(rest, self.sums.of(rest) * rate);
        Rows::new(rows.start, cut)
    }

    /// What is believed of rows that no strip has come through: as next to them, where something was measured.
    pub(super) fn field_at(&self, rows: Rows) -> FieldEstimate {
        let known = self.sums.known();
        if let Some((_, &(end, rate))) = self.taken_over.range(..=rows.start).next_back()
            && rows.end <= end
        {
            return FieldEstimate::unseen(rate, known);
        }
        let near = if known { None } else { self.measured.seconds_per_row_near(rows) };
        let seconds = near
            .map_or(self.seconds_per_unit, |seconds| seconds * f64::from(rows.len()) / self.sums.of(rows).max(1e-9));
        FieldEstimate::unseen(seconds, known)
    }

    /// Keeps rows back from the end of a strip where boundaries are finer than blocks, and returns the strip's new end. Nothing can be
    /// taken from a last block, so what is left of an imbalance is evened out with these rows.
    fn keep_back(&mut self, slot: SlotId, rows: Rows, block: u32, field: FieldEstimate) -> u32 {
        // What is not known to be worth its start is no good: rows that are kept back need one more.
        let Some(start) = self.known_start_of(slot).map(|start| start * self.speed_of(slot)) else {
            return rows.end;
        };
        let seconds = self.sums.of(rows) * field.seconds_per_unit();
        let block_seconds = seconds * f64::from(block) / f64::from(rows.len().max(1));
        // An earlier job of this picture has told what all rows cost: the cut comes out even to within a start.
        // And where all slots are of one model, by a probe: trimming is enough.
        let worth = !self.rate_told
            && !self.one_model
            && block > self.job.fine_rows
            && self.job.sharing == Sharing::Rows
            && self.slots.ever() > 1
            && self.job.write.is_none()
            && block_seconds > WORTH_STARTS * start
            && self.spare_starts() > 4 * self.slots.ever() as u64;
        // Of a strip that is but a few blocks, one block is much: it costs more in small pieces than it evens out.
        if !worth || f64::from(rows.len()) < LEAST_BLOCKS * f64::from(block) {
            return rows.end;
        }
        let kept = f64::from(block) * self.tuning.kept_blocks;
        let end = self.grid.nearest(f64::from(rows.end) - kept).max(rows.start + block);
        let rest = Rows::new(end, rows.end);
        self.reserve.put(rest, self.sums.of(rest) * field.seconds_per_unit());
        end
    }

    /// Puts rows back that nobody renders any more.
    pub(super) fn put_back(&mut self, rows: Rows) {
        let seconds = self.sums.of(rows) * self.field_at(rows).seconds_per_unit();
        self.pool.put(rows, seconds);
    }

    fn take_piece(&mut self) -> Option<Rows> {
        self.pool.take(&self.settled).map(|rows| self.grid.widen(rows))
    }

    fn hand_out_whole_piece(&mut self) -> bool {
        if self.job.sharing == Sharing::OneLease && !self.leases.is_empty() {
            return false;
        }
        let Some(slot) = self.slots.fastest_idle() else {
            return false;
        };
        let Some(rows) = self.take_piece() else {
            return false;
        };
        self.start(slot, rows, None, Twin::None);
        true
    }

    /// Whole leases cannot be stolen from, so they get smaller towards the end: each takes its slot's share of half of
    /// what is left (factoring, weighted by speed), but enough that all fits into the bound on starts.
    fn hand_out_chunk(&mut self) -> bool {
        let Some(slot) = self.slots.fastest_idle() else {
            return false;
        };
        let Some(piece) = self.take_piece() else {
            return false;
        };
        let spare = self.spare_starts();
        let bands = piece.len().div_ceil(self.job.band_rows).max(1);
        let share = self.speed_of(slot) / self.slots.total_speed().max(1e-9) / self.tuning.whole_divisor.max(1.0);
        let units = self.sums.of(piece);
        let worth_a_start = 4.0 * self.start_of(slot) * self.speed_of(slot) / self.seconds_per_unit;
        let from = self.sums.before(f64::from(piece.start));
        let by_share = self.sums.row_at(from + (units * share).max(worth_a_start));
        // Each start from now on must take this much, or the starts run out before the rows do.
        let fewest = u64::from(bands).div_ceil((spare / 2).max(1)).min(u64::from(bands)) as u32;
        let by_bound = piece.start.saturating_add(fewest.saturating_mul(self.job.band_rows));
        let step = self.grid.nearest(by_share).max(self.grid.ceil(by_bound));
        let end = if spare == 0 { piece.end } else { step.clamp(piece.start, piece.end) };
        let end = if end <= piece.start { piece.end } else { end };
        self.put_back(Rows::new(end, piece.end));
        self.start(slot, Rows::new(piece.start, end), None, Twin::None);
        true
    }

    /// More idle slots than pieces: cut each piece for some of them, so that all finish together.
    fn deal_pool(&mut self) -> bool {
        let mut pieces = Vec::new();
        while let Some(rows) = self.take_piece() {
            pieces.push(rows);
        }
        if pieces.is_empty() {
            return false;
        }
        let seconds = pieces.iter().map(|&rows| self.sums.of(rows) * self.field_at(rows).seconds_per_unit()).sum();
        let hands: Vec<SlotId> = self.useful_hands(seconds, pieces.len());
        // The next slot joins the piece that would take longest.
        let mut groups: Vec<Vec<SlotId>> = vec![Vec::new(); pieces.len()];
        let mut speeds = vec![0.0; pieces.len()];
        let mut queue = BinaryHeap::new();
        for (index, &slot) in hands.iter().enumerate() {
            let piece = if index < pieces.len() {
                index
            } else if let Some((_, Reverse(piece))) = queue.pop() {
                piece
            } else {
                break;
            };
            groups[piece].push(slot);
            speeds[piece] += self.speed_of(slot);
            queue.push((Moment(self.sums.of(pieces[piece]) / speeds[piece]), Reverse(piece)));
        }
        for (rows, group) in pieces.into_iter().zip(groups) {
            let hands: Vec<Hand> = group
                .iter()
                .map(|&slot| Hand { speed: self.speed_of(slot), start_seconds: self.start_of(slot) })
                .collect();
            let table = Table {
                sums: &self.sums,
                seconds_per_unit: self.field_at(rows).seconds_per_unit(),
                grid: self.grid,
                write: self.job.write,
                height: self.job.height,
            };
            for (slot, share) in group.iter().zip(deal(rows, &hands, table)) {
                if !share.is_empty() {
                    self.start(*slot, share, None, Twin::None);
                }
            }
        }
        true
    }

    /// The fastest idle slots, as many as have something to gain from `seconds` of work at speed 1 and as the bound on
    /// starts allows, but one for each of `pieces`.
    fn useful_hands(&self, seconds: f64, pieces: usize) -> Vec<SlotId> {
        let spare = usize::try_from(self.spare_starts().saturating_sub(pieces as u64)).unwrap_or(usize::MAX);
        let most = pieces.max(pieces.saturating_add(spare));
        let mut hands = Vec::new();
        let mut speed = 0.0;
        for slot in self.slots.idle().take(most) {
            let worth = self.tuning.pay_share * self.start_of(slot);
            if hands.len() >= pieces && seconds / (speed + self.speed_of(slot)) < worth {
                break;
            }
            speed += self.speed_of(slot);
            hands.push(slot);
        }
        hands
    }

    /// Starts a strip of `rows`, whose cost is believed to be `field`.
    pub(super) fn start(&mut self, slot: SlotId, mut rows: Rows, field: Option<FieldEstimate>, twin: Twin) {
        let Some(node) = self.slots.get(slot).map(|slot| slot.node) else {
            return;
        };
        let id = LeaseId(self.next_lease);
        self.next_lease += 1;
        let field = field.unwrap_or_else(|| self.field_at(rows));
        let block = self.job.band_rows;
        if twin == Twin::None {
            rows.end = self.keep_back(slot, rows, block, field);
        }
        let anchor = self.now + self.start_of(slot);
        let lease = Lease {
            slot,
            node,
            rows,
            end: rows.end,
            block,
            frontier: rows.start,
            anchor,
            anchored: false,
            field,
            cpu_seconds: 0.0,
            ahead: 0.0,
            stall: 1.0,
            lag: 1.0,
            slower: 1.0,
            unsettled: self.settled.count_missing(rows),
            epoch: 0,
            shrink: None,
            twin,
            stuck_copies: 0,
            end_unconfirmed: false,
            deaf: false,
            refused: false,
            received: RowSet::default(),
            finish: f64::NAN,
            counted: None,
            overdue_at: f64::NAN,
            queued: Queued::No,
        };
        let is_copy = lease.is_copy();
        self.leases.insert(id, lease);
        if !is_copy {
            self.owners.insert(rows.start, id);
        }
        self.slots.set_state(slot, SlotState::Busy(id));
        self.counts.starts += 1;
        self.actions.push(Action::Start { slot, lease: id, rows, block_rows: block, copy: is_copy });
        self.requeue(id);
    }

    /// Takes a lease off all lists; its rows may still arrive.
    pub(super) fn retire(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.unqueue(id, lease.finish, lease.queued);
        self.level.forget(lease.counted);
        self.timers.remove(&(Moment(lease.overdue_at), Timer::Band(id)));
        if self.owners.get(&lease.rows.start) == Some(&id) {
            self.owners.remove(&lease.rows.start);
        }
        self.retired.insert(id, super::lease::Retired { slot: lease.slot, rows: lease.rows });
        Some(lease)
    }
}
