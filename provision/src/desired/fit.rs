//! Whether a node is what the inventory says. No I/O.

use td_inventory::{Model, Node};
use td_protocol::converge::facts::Facts;

use crate::facts::model_of;

/// What facts say of an inventory's node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fit {
    /// Nothing may be changed there.
    pub refused: Option<String>,
    /// What the person should know.
    pub notes: Vec<String>,
}

/// Compares.
pub fn fit(node: &Node, facts: &Facts) -> Fit {
    let mut fit = Fit::default();
    if !facts.systemd {
        fit.refused = Some("it does not run systemd, which td-agent needs as a service".to_owned());
        return fit;
    }
    if facts.userland.dpkg.is_none() {
        fit.refused =
            Some(format!("it is no Debian ({}): td-provision installs packages with apt and dpkg", facts.os.name));
        return fit;
    }
    if node.povray_word_size == Some(64) && facts.userland.bits < 64 {
        fit.refused = Some(format!(
            "povray_word_size: 64 needs a system of 64 bit, and its {} is one of {}: leave it out of the inventory",
            facts.os.name, facts.userland.bits
        ));
    }
    let seen = facts.model.as_deref();
    match seen.map(|text| (text, model_of(text))) {
        Some((text, Some(model))) if model != node.model && node.model != Model::Generic => {
            fit.refused = Some(format!(
                "it is a {} (`model: {model}`), the inventory says {}: mend `model` there, since boot settings and the \
                 build of td-agent follow from it",
                crate::words::one_line(text, 80),
                node.model
            ));
        }
        Some((text, Some(model))) if node.model == Model::Generic => fit.notes.push(format!(
            "it is a {}; with `model: {model}` in the inventory it could have boot settings",
            crate::words::one_line(text, 80)
        )),
        None if node.model.has_boot_settings() && facts.boot.path.is_none() => {
            fit.notes
                .push(format!("the inventory says {}, but it shows no device tree and has no config.txt", node.model));
        }
        _ => {}
    }
    if let Some(slots) = node.slots
        && slots > facts.cores
    {
        fit.notes.push(format!("slots: {slots}, but it has {}", crate::words::count(facts.cores as usize, "core")));
    }
    fit
}
