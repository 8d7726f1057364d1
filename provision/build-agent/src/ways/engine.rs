//! The container engine: docker or podman, asked whether it works before cross needs it.

use std::path::PathBuf;

use crate::environment::{Environment, programs};
use crate::problem::Problem;
use crate::run::ask_or_why;

/// An engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub name: &'static str,
    pub program: PathBuf,
}

/// The first engine that answers: docker before podman, as cross itself does it.
///
/// # Errors
/// Why none does, with the command that helps.
pub(crate) fn find() -> Result<Engine, Problem> {
    let environment = Environment::new(&[]);
    let mut problem = Problem::NoEngine;
    for name in ["docker", "podman"] {
        let Some(program) = programs(name).into_iter().next() else { continue };
        match ask_or_why(&program, &["info", "--format", "{{.Host}}{{.ServerVersion}}"], &environment) {
            Ok(_) => return Ok(Engine { name, program }),
            // The two engines have other fields; what counts is whether it answers at all.
            Err(_) if ask_or_why(&program, &["info"], &environment).is_ok() => return Ok(Engine { name, program }),
            Err(said) => problem = refused(name, &said),
        }
    }
    Err(problem)
}

fn refused(name: &'static str, said: &str) -> Problem {
    let lower = said.to_lowercase();
    let help = if lower.contains("permission denied") {
        format!("`sudo usermod -aG {name} $USER`, then log in again")
    } else if lower.contains("cannot connect") || lower.contains("is the docker daemon running") {
        format!("`sudo systemctl start {name}` starts it")
    } else {
        format!("`{name} info` shows what is wrong")
    };
    let said = said.lines().last().unwrap_or_default().to_owned();
    Problem::EngineRefuses { engine: name, help, said }
}

impl Engine {
    /// The image's own hash; `None` when it is not here.
    pub(crate) fn image_id(&self, image: &str) -> Option<String> {
        let environment = Environment::new(&[]);
        let asked = ask_or_why(&self.program, &["image", "inspect", "--format", "{{.Id}}", image], &environment);
        asked.ok().filter(|id| !id.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_command() {
        let denied = "permission denied while trying to connect to the Docker daemon socket";
        assert!(refused("docker", denied).to_string().contains("usermod -aG docker"));
        let stopped = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
        assert!(refused("docker", stopped).to_string().contains("systemctl start docker"));
        assert_eq!(refused("podman", "boom").exit_code(), 2);
    }
}
