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
    /// A docker whose daemon runs as the user. cross takes every docker for root's, and has the container run as a user that
    /// may not write the user's files then.
    pub rootless_docker: bool,
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
        let ask = |arguments: &[&str]| ask_or_why(&program, arguments, &environment);
        match ask(&["info"]) {
            Ok(_) => {
                let security = ask(&["info", "--format", "{{.SecurityOptions}}"]).unwrap_or_default();
                let rootless_docker = name == "docker" && security.contains("rootless");
                return Ok(Engine { name, program, rootless_docker });
            }
            Err(said) => problem = problem.and_engine(refused(name, &said)),
        }
    }
    Err(problem)
}

fn refused(name: &'static str, said: &str) -> Problem {
    let lower = said.to_lowercase();
    let stopped = lower.contains("cannot connect") || lower.contains("is the docker daemon running");
    let help = match name {
        "docker" if lower.contains("permission denied") => "`sudo usermod -aG docker $USER`, then log in again",
        // A rootless docker's socket.
        "docker" if stopped && lower.contains("/run/user/") => "`systemctl --user start docker` starts it",
        "docker" if stopped => "`sudo systemctl start docker` starts it",
        _ => "",
    };
    let help = if help.is_empty() { format!("`{name} info` shows what is wrong") } else { help.to_owned() };
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

/// A file in which the engine writes which container it runs.
#[derive(Debug)]
pub(crate) struct ContainerId(PathBuf);

impl ContainerId {
    /// None yet: an engine does not start with a file that is there.
    pub(crate) fn new(file: PathBuf) -> Result<Self, Problem> {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Problem::file(&file)(error)),
            _ => Ok(Self(file)),
        }
    }

    /// The option of the engine's `run`, as a shell's word: cross splits its options as a shell does.
    pub(crate) fn option(&self) -> String {
        format!("--cidfile '{}'", self.0.display().to_string().replace('\'', r"'\''"))
    }

    /// Ends the container with all in it. It belongs to the engine and not to whoever called that, and its first process, cargo,
    /// takes no notice of being asked to end.
    pub(crate) fn end(&self, engine: &Engine) {
        let Ok(id) = std::fs::read_to_string(&self.0) else { return };
        let environment = Environment::new(&[]);
        // The second for a container that was made and did not run yet; either fails where the container is gone already.
        for arguments in [["kill", id.trim()].as_slice(), &["rm", "--force", id.trim()]] {
            let _ = ask_or_why(&engine.program, arguments, &environment);
        }
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
        assert!(refused("docker", stopped).to_string().contains("sudo systemctl start docker"));
        let rootless = "Cannot connect to the Docker daemon at unix:///run/user/1000/docker.sock.";
        assert!(refused("docker", rootless).to_string().contains("`systemctl --user start docker`"));
        // podman has neither a daemon nor a group.
        for said in [denied, stopped, "boom"] {
            let problem = refused("podman", said);
            assert!(problem.to_string().contains("`podman info` shows what is wrong"), "{problem}");
            assert_eq!(problem.exit_code(), 2);
        }
    }
}
