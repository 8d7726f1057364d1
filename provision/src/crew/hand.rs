//! One node: its connection, its root shell, its td-agent.

use std::sync::Arc;
use std::time::Duration;

use td_build_agent::Target;
use td_inventory::Node;
use td_protocol::converge::desired::DesiredState;
use td_protocol::converge::event::Event;
use td_protocol::converge::facts::Facts;
use td_protocol::converge::resource::Service;
use td_protocol::hash::ContentHash;

use super::call::{Call, Mode};
use super::{Crew, NodeError};
use crate::agent::{self, Build, BuildError, Staged, UploadError};
use crate::root::{Command, Reply, RootShell, ShellError, quote};
use crate::ssh::Connection;

/// Longest silence of td-agent: it tells of waiting and of progress, but a Pi 1 unpacks a large package without a word.
const SILENCE: Duration = Duration::from_secs(900);
/// Longest silence of a small command.
const SHORT: Duration = Duration::from_secs(60);
/// Where td-agent lies.
const PLACE: &str = Service::BINARY;

/// A node at hand.
#[derive(Debug)]
pub struct Hand<'a> {
    /// As in the inventory.
    pub node: &'a Node,
    crew: &'a Crew,
    connection: Connection,
    shell: RootShell,
    lacks: Option<Target>,
    /// The build that it should have; `None` where there is none here and its own is taken.
    build: Option<Arc<Build>>,
    /// A build that was brought and is not in its place.
    staged: Option<Staged>,
}

/// The binary in its place against the one that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryChange {
    /// SHA-256 of what is there.
    pub old: Option<ContentHash>,
    /// SHA-256 of what should be.
    pub new: ContentHash,
    /// Bytes of what should be.
    pub bytes: usize,
}

impl<'a> Hand<'a> {
    /// Connects and becomes root.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn open(crew: &'a Crew, node: &'a Node) -> Result<Hand<'a>, NodeError> {
        let target = crew.person().target(&crew.inventory, node).map_err(crate::ssh::ConnectError::from)?;
        crew.report.doing(&node.name, "connecting");
        let mut stop = crew.stop.clone();
        let opening = async {
            let connection = crew.ssh.connect(&target).await?;
            crew.report.doing(&node.name, "becoming root");
            let shell = RootShell::open(&crew.ssh, &connection, &target, node.becomes, crew.stop.clone()).await?;
            Ok::<_, NodeError>((connection, shell))
        };
        let (connection, shell) = tokio::select! {
            result = opening => result?,
            () = stop.asked() => return Err(NodeError::Interrupted),
        };
        let best = agent::targets(shell.machine(), shell.bits()).first().copied();
        let lacks = best.filter(|best| crew.lacks(*best).is_some());
        let build = match crew.binaries.find(shell.machine(), shell.bits()) {
            Ok(build) => Some(build),
            // A file that is there and is not what it should be is no matter to pass over, unless it is built anew.
            Err(error @ BuildError::Wrong { .. }) if lacks.is_none() => return Err(error.into()),
            // The node's own may do; it is said when it is taken.
            Err(_) => None,
        };
        Ok(Hand { node, crew, connection, shell, lacks, build, staged: None })
    }

    /// What has to be built before this node can get the td-agent that is its own.
    pub const fn lacks(&self) -> Option<Target> {
        self.lacks
    }

    /// Sees to it that a td-agent of the wanted build is at hand: the one in its place, or one brought beside it.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn ready(&mut self) -> Result<(), NodeError> {
        if self.staged.is_some() {
            return Ok(());
        }
        let there = self.installed().await?;
        self.bring(there).await.map(drop)
    }

    /// SHA-256 of the td-agent in its place.
    async fn installed(&mut self) -> Result<Option<ContentHash>, NodeError> {
        let line = format!("[ ! -f {PLACE} ] || sha256sum <{PLACE}");
        let reply = self.sh(&line, "sha256sum").await?;
        Ok(reply.stdout.split_whitespace().next().and_then(|word| word.parse().ok()))
    }

    /// Brings the wanted build where `there` is another; the change is told.
    async fn bring(&mut self, there: Option<ContentHash>) -> Result<Option<BinaryChange>, NodeError> {
        let Some(build) = self.build.clone() else {
            // No build here. What is there may do; without any the sentence says how to make one.
            return match there {
                Some(_) => {
                    self.own();
                    Ok(None)
                }
                None => Err(self
                    .crew
                    .binaries
                    .find(self.shell.machine(), self.shell.bits())
                    .map(drop)
                    .err()
                    .map_or_else(|| NodeError::Broken("td-agent is not there".to_owned()), NodeError::from)),
            };
        };
        if there == Some(build.hash) {
            return Ok(None);
        }
        if self.staged.as_ref().map(|staged| staged.hash) != Some(build.hash) {
            self.crew.report.doing(&self.node.name, "sending td-agent");
            let staged = agent::stage(&mut self.shell, &build).await;
            self.staged = Some(staged.map_err(|error| self.not_brought(error))?);
        }
        Ok(Some(BinaryChange { old: there, new: build.hash, bytes: build.bytes.len() }))
    }

    /// Says that there is no build here, and that the node's own agent is asked.
    fn own(&self) {
        if let Err(error) = self.crew.binaries.find(self.shell.machine(), self.shell.bits()) {
            self.crew.report.note(Some(&self.node.name), &format!("its own td-agent is asked, since {error}"));
        }
    }

    /// Puts a binary that was brought into its place.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn install(&mut self) -> Result<(), NodeError> {
        if let Some(staged) = &self.staged {
            let installed = agent::install(&mut self.shell, staged).await;
            installed.map_err(|error| self.not_brought(error))?;
            self.staged = None;
        }
        Ok(())
    }

    /// A shell that ended because it was asked to is no lost connection.
    fn not_brought(&self, error: UploadError) -> NodeError {
        match error {
            UploadError::Shell(_) | UploadError::Damaged { .. } if self.crew.stop.is_asked() => NodeError::Interrupted,
            error => error.into(),
        }
    }

    /// Calls `td-agent converge`. Before the first call with nothing known of the binary this is a guess: it is asked, and
    /// when it is not there or not the wanted one (it tells its own hash first), the wanted one is brought and asked again.
    /// So a node that is as it should be is asked once.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn plan(&mut self, state: &DesiredState) -> Result<(Call, Option<BinaryChange>), NodeError> {
        let guess = self.staged.is_none();
        if guess {
            let (call, reply) = self.ask(Mode::Plan, state).await?;
            let there = call.start.as_ref().map(|start| start.binary);
            let wanted = self.build.as_ref().map(|build| build.hash);
            if there.is_some() && (wanted.is_none() || there == wanted) {
                if wanted.is_none() {
                    self.own();
                }
                return Ok((finish(call, &reply)?, None));
            }
        }
        let there = self.installed().await?;
        let change = self.bring(there).await?;
        let (call, reply) = self.ask(Mode::Plan, state).await?;
        Ok((finish(call, &reply)?, change))
    }

    /// Calls `td-agent converge` with the binary that is at hand.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn call(&mut self, mode: Mode, state: &DesiredState) -> Result<Call, NodeError> {
        let (call, reply) = self.ask(mode, state).await?;
        finish(call, &reply)
    }

    async fn ask(&mut self, mode: Mode, state: &DesiredState) -> Result<(Call, Reply), NodeError> {
        let mut input = serde_json::to_vec(state).map_err(|error| NodeError::Broken(error.to_string()))?;
        input.push(b'\n');
        let program = self.staged.as_ref().map_or(PLACE.to_owned(), |staged| quote(&staged.path));
        let line = format!("{program} converge {} --lifeline", mode.switch());
        let mut call = Call::default();
        let (report, name) = (&self.crew.report, &self.node.name);
        let mut take = |line: &str| match call.take(line) {
            Some(Event::Progress(progress)) => report.doing(name, &progress.message),
            Some(Event::Resource(done)) if mode == Mode::Apply => {
                report.doing(name, &format!("{} {}", done.kind, done.name));
            }
            _ => {}
        };
        report.doing(
            name,
            match mode {
                Mode::Plan => "looking",
                Mode::Apply => "changing",
                Mode::Verify => "proving",
                Mode::Remove => "taking back",
            },
        );
        let command = Command { line: &line, what: "td-agent", input: &input, silence: SILENCE };
        let result = self.shell.lines(command, &mut take).await;
        match result {
            Ok(reply) => Ok((call, reply)),
            // Asked to stop, the shell ends after its command: what was told counts.
            Err(ShellError::Lost(_)) if self.crew.stop.is_asked() && call.done.is_some() => {
                Ok((call, Reply { code: 0, stdout: String::new(), stderr: String::new() }))
            }
            Err(_) if self.crew.stop.is_asked() => Err(NodeError::Interrupted),
            Err(error) => Err(error.into()),
        }
    }

    /// `td-agent facts`.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn facts(&mut self) -> Result<Facts, NodeError> {
        self.ready().await?;
        let program = self.staged.as_ref().map_or(PLACE.to_owned(), |staged| quote(&staged.path));
        let reply = self.sh(&format!("{program} facts </dev/null"), "td-agent facts").await?;
        if reply.code != 0 {
            return Err(NodeError::Broken(reply.complaint()));
        }
        serde_json::from_str(&reply.stdout).map_err(|error| NodeError::Broken(format!("facts: {error}")))
    }

    /// A small command as root.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn sh(&mut self, line: &str, what: &str) -> Result<Reply, NodeError> {
        let command = Command { line, what, input: &[], silence: SHORT };
        self.shell
            .run(command)
            .await
            .map_err(|error| if self.crew.stop.is_asked() { NodeError::Interrupted } else { error.into() })
    }

    /// Whether its connection has ended by itself.
    pub fn is_lost(&self) -> bool {
        self.connection.is_closed()
    }

    /// Ends shell and connection.
    pub async fn close(self) {
        self.shell.close().await;
        self.connection.close().await;
        self.crew.report.idle(&self.node.name);
    }
}

/// A call that has come to its end, or why not.
fn finish(call: Call, reply: &Reply) -> Result<Call, NodeError> {
    if let Some(refused) = call.refused {
        return Err(NodeError::Refused(refused));
    }
    if call.done.is_none() {
        return Err(NodeError::Broken(reply.complaint()));
    }
    Ok(call)
}
