//! What goes wrong in a simulation, all from one seed.

use crate::schedule::{Sharing, WriteCost};

use super::dice::Dice;
use super::maps::{BUILT_IN_MAPS, built_in_map};
use super::options::{SimulateOptions, Told};

impl SimulateOptions {
    /// The cluster, the job and the faults of one seed: small ones of all kinds, so that many can be tried. The tests
    /// try these, and `td simulate --faults seed=N` plays one of them.
    #[must_use]
    pub fn faulty(seed: u64) -> Self {
        let map = BUILT_IN_MAPS[(seed % BUILT_IN_MAPS.len() as u64) as usize];
        let sharing = match seed % 11 {
            0 | 1 => Sharing::WholeLeases,
            2 => Sharing::OneLease,
            _ => Sharing::Rows,
        };
        let writes = seed.is_multiple_of(5);
        Self {
            nodes: 1 + (seed % 16) as u32,
            rows: Some(200 + (seed.wrapping_mul(37) % 1400) as u32),
            speeds: vec![1.0, 0.5, 2.0, 1.0, 4.0],
            work: 20.0 + (seed % 90) as f64,
            fine_rows: if seed.is_multiple_of(3) { 32 } else { 8 },
            write: if writes { WriteCost { top: 0.2, bottom: 3.0 } } else { WriteCost::NONE },
            sharing,
            faults: Some(seed),
            seed,
            probe_after: (!seed.is_multiple_of(4)).then_some(2.0),
            told: Told::All,
            map: built_in_map(map).unwrap_or_else(|| vec![1.0]),
            ..Self::default()
        }
    }
}

/// Something that happens to a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// The machine dies: what it rendered and did not send is gone.
    Dies,
    /// It comes back, with nothing.
    Returns,
    /// It runs at this share of its speed from now on.
    Speed(f64),
    /// From now on it gets this share of its processor.
    Share(f64),
    /// POV-Ray is stopped (SIGSTOP); the agent answers.
    Stops,
    Continues,
    /// The cable is out: messages wait.
    Cut,
    Mended,
    /// POV-Ray is killed; the agent tells.
    StripFails,
}

/// Faults by time, and how often messages go wrong.
#[derive(Debug, Clone)]
pub(super) struct FaultPlan {
    pub faults: Vec<(f64, u32, Fault)>,
    pub dice: Dice,
    /// Probability that a wish to shrink, or the answer to it, is lost.
    pub lost: f64,
    /// Probability that an answer comes late, by up to 4 s.
    pub late: f64,
    /// Probability that a message comes twice.
    pub repeated: f64,
}

impl FaultPlan {
    pub fn none() -> Self {
        Self { faults: Vec::new(), dice: Dice::new(0), lost: 0.0, late: 0.0, repeated: 0.0 }
    }

    /// Random faults on `nodes` nodes within about `span` seconds. Node 0 never dies.
    pub fn random(seed: u64, nodes: u32, span: f64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0066_6175_6c74_7300);
        let severity = dice.between(0.1, 1.0);
        let mut faults = Vec::new();
        for node in 0..nodes {
            let mut time = 0.0;
            while dice.chance(0.7 * severity) {
                time += dice.between(0.0, 0.7 * span);
                time = Self::incident(&mut dice, &mut faults, time, node, span);
            }
        }
        let [lost, late, repeated] = [0.3, 0.3, 0.1].map(|most| severity * dice.between(0.0, most));
        faults.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { faults, dice, lost, late, repeated }
    }

    /// Adds one incident; returns when it is over.
    fn incident(dice: &mut Dice, faults: &mut Vec<(f64, u32, Fault)>, time: f64, node: u32, span: f64) -> f64 {
        let over = time + dice.between(0.5, 60.0);
        let for_ever = node != 0 && dice.chance(0.3);
        let (begins, ends) = match dice.next() % 6 {
            0 if node != 0 => (Fault::Dies, Fault::Returns),
            1 => (Fault::Stops, Fault::Continues),
            2 => (Fault::Cut, Fault::Mended),
            3 | 4 => (Fault::Speed(dice.between(0.05, 0.9)), Fault::Speed(1.0)),
            _ => {
                faults.push((time, node, Fault::StripFails));
                return time;
            }
        };
        faults.push((time, node, begins));
        if for_ever {
            // Beyond any end, so that no later incident meets a dead node.
            return time + 100.0 * span;
        }
        faults.push((over, node, ends));
        over
    }
}
