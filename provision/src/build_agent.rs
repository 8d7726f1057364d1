//! `td-provision build-agent`: the agent for the targets that are named, or for all machines of an inventory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use td_build_agent::cli::{self, BuildArguments};
use td_build_agent::{Target, UnknownTarget};
use td_inventory::{Inventory, Model, ReadError};

use crate::output::Color;

/// What can be typed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    build: BuildArguments,
    /// Build for all models of this inventory
    #[arg(long = "for", value_name = "INVENTORY")]
    inventory: Option<PathBuf>,
}

/// Builds, and says what came of it.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let more = match &arguments.inventory {
        None => Vec::new(),
        Some(file) => match of_inventory(file) {
            Ok(targets) => targets,
            Err(message) => {
                eprintln!("{}", message.trim_end());
                return ExitCode::from(2);
            }
        },
    };
    ExitCode::from(cli::run(&arguments.build, &more))
}

/// The targets of an inventory's machines, and a note on those whose hardware nobody knows yet.
fn of_inventory(file: &Path) -> Result<Vec<Target>, String> {
    let inventory = Inventory::read(file).map_err(|error| match error {
        ReadError::Refused(errors) => errors.render(Color::Auto.style()),
        other => format!("td-provision: {other}"),
    })?;
    let mut targets: BTreeMap<Target, ()> = BTreeMap::new();
    let mut unknown = Vec::new();
    for node in inventory.nodes() {
        let target = target_of(node.model).map_err(|error| format!("td-provision: {}: {error}", node.name))?;
        targets.insert(target, ());
        if node.model == Model::Generic {
            unknown.push(node.name.as_str());
        }
    }
    if !unknown.is_empty() {
        eprintln!(
            "td-provision: {}: a machine of model generic is taken for a PC here (x86-64); for another name its target too, \
             for example --target arm64",
            unknown.join(", ")
        );
    }
    Ok(targets.into_keys().collect())
}

/// What the agent for this hardware is built for.
///
/// # Errors
/// When the table of models names a target that the agent is not built for.
pub fn target_of(model: Model) -> Result<Target, UnknownTarget> {
    model.target().parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_target_that_can_be_built() {
        for model in Model::all() {
            let target = target_of(model).unwrap();
            assert_eq!(target.word_bits(), model.word_bits(), "{model}");
        }
    }

    #[test]
    fn a_mixed_inventory_needs_each_target_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inventory.yaml");
        std::fs::write(
            &file,
            "nodes:\n  a: { address: 192.0.2.1, model: pi4 }\n  b: { address: 192.0.2.2, model: pi1b }\n  c: { address: 192.0.2.3, model: pi0 }\n",
        )
        .unwrap();
        assert_eq!(of_inventory(&file), Ok(vec![Target::Armv6, Target::Arm64]));
        assert!(of_inventory(&folder.path().join("none.yaml")).unwrap_err().contains("none.yaml"));
    }
}
