//! What a check looks at: the node's report, what the inventory expects of the node, and the master's clock.

use td_inventory::Inventory;
use td_inventory::health::Thresholds;
use td_protocol::health::{Disk, Fast, Firmware, Place, Report, Slow};

/// What the inventory expects of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    pub thresholds: Thresholds,
    /// MB; `None`: left as it is.
    pub gpu_mem: Option<u32>,
    /// MHz; `None`: left as it is.
    pub arm_freq: Option<u32>,
    /// Where the node is to have the cluster's share. `None` where the cluster has none, or where there is no inventory.
    pub share: Option<String>,
    /// Whether there is an inventory at all.
    pub is_node: bool,
}

impl Expected {
    /// What is expected of this node of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory, node: &td_inventory::Node) -> Self {
        Self {
            thresholds: node.health.clone(),
            gpu_mem: node.boot.gpu_mem,
            arm_freq: node.boot.arm_freq,
            share: inventory.share().map(|share| share.mount.clone()),
            is_node: true,
        }
    }
}

/// The master's clock around an answer, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When the question was sent.
    pub asked: f64,
    /// When the answer was there.
    pub answered: f64,
}

/// All that a check may look at.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub report: &'a Report,
    pub expected: &'a Expected,
    pub moment: Option<Moment>,
}

impl<'a> Seen<'a> {
    pub(super) fn fast(&self) -> Option<&'a Fast> {
        self.report.probed.as_ref()?.fast.as_ref()
    }

    pub(super) fn slow(&self) -> Option<&'a Slow> {
        self.report.probed.as_ref()?.slow.as_ref()
    }

    pub(super) fn firmware(&self) -> Option<Firmware> {
        self.fast()?.firmware
    }

    /// The file system that is used for `place`.
    pub(super) fn disk(&self, place: Place) -> Option<&'a Disk> {
        self.report.look.disk(place)
    }

    /// Why there is nothing of the probe.
    pub(super) fn unprobed(&self) -> String {
        match &self.report.unprobed {
            Some(why) if !why.trim().is_empty() => super::text::plain(why),
            _ => "its agent says nothing of a probe".to_owned(),
        }
    }

    /// Why there is nothing of its slow half.
    pub(super) fn no_slow(&self) -> String {
        match self.fast() {
            Some(_) => "the probe has not looked at it yet".to_owned(),
            None => self.unprobed(),
        }
    }

    /// Why a fact of the firmware is missing.
    pub(super) fn no_firmware(&self) -> String {
        match self.fast() {
            Some(_) => "no firmware of a Raspberry Pi can be asked there".to_owned(),
            None => self.unprobed(),
        }
    }
}

/// A number that can be compared.
pub(super) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
