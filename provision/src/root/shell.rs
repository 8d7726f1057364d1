//! The root shell: one channel, commands in, lines out.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use td_inventory::Become;
use thiserror::Error;
use tokio::time::timeout;

use super::becoming::{Becoming, RootError, Step};
use super::script::{self, Marks};
use crate::secret::Secret;
use crate::ssh::passwords::Next;
use crate::ssh::target::Target;
use crate::ssh::{Connection, Ssh};
use crate::stop::Stop;
use crate::words::one_line;

/// Longest silence while becoming root, questions to a person not counted.
const ROOT_DEADLINE: Duration = Duration::from_secs(60);
/// Longest silence of a program that was asked to stop.
const STOPPING: Duration = Duration::from_secs(30);
/// What is kept of a command's standard error.
const MOST_STDERR: usize = 16 << 10;
/// What is kept of a command's standard output where nobody reads the lines.
const MOST_STDOUT: usize = 1 << 20;
/// Longest line that is passed on; nothing that td writes is as long.
const MOST_LINE: usize = 16 << 20;

/// A command could not be run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShellError {
    /// The node or the network is gone.
    #[error("the connection was lost{0}; what was begun there goes on or ends by itself. Run the same command again")]
    Lost(String),
    /// Silence.
    #[error(
        "the node said nothing for {seconds} s while it ran {what}; run the same command again, or look at it there"
    )]
    Silent {
        /// The deadline.
        seconds: u64,
        /// The command in words.
        what: String,
    },
    /// A line that no program of ours writes.
    #[error("the node answered {0} with a line that has no end")]
    Endless(String),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its exit code.
    pub code: i32,
    /// Its standard output, where no reader of lines was given.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
}

impl Reply {
    /// What it complained of, fit for a sentence.
    pub fn complaint(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let said = one_line(text, 300);
        if said.is_empty() { format!("exit code {}", self.code) } else { said }
    }
}

/// One command.
pub struct Command<'a> {
    /// One line for `sh`, without line ends.
    pub line: &'a str,
    /// What it is, for messages.
    pub what: &'a str,
    /// What it reads; the line says `head -c` with its length.
    pub input: &'a [u8],
    /// Longest silence.
    pub silence: Duration,
}

/// A root shell on a node.
pub struct RootShell {
    channel: Channel<Msg>,
    marks: Marks,
    machine: String,
    bits: u32,
    stop: Stop,
}

impl std::fmt::Debug for RootShell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootShell").field("machine", &self.machine).field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl RootShell {
    /// Opens one: as it is, or by sudo, with its password where it asks for one.
    ///
    /// # Errors
    /// See [`RootError`].
    pub async fn open(
        ssh: &Ssh,
        connection: &Connection,
        target: &Target,
        how: Become,
        stop: Stop,
    ) -> Result<RootShell, RootError> {
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| RootError::Gone)?;
        let marks = Marks::new(random);
        let mut channel = connection.channel().await.map_err(|_| RootError::Gone)?;
        let how = match how {
            Become::Sudo => "sudo",
            Become::None => "none",
        };
        channel.exec(false, script::command_line(&marks, how)).await.map_err(|_| RootError::Gone)?;
        let mut becoming = Becoming::new(marks.clone(), &target.user);
        let mut given: Vec<Secret> = Vec::new();
        loop {
            let Ok(message) = timeout(ROOT_DEADLINE, channel.wait()).await else {
                return Err(becoming.silent(ROOT_DEADLINE.as_secs()));
            };
            let step = match message {
                None if connection.is_closed() => return Err(RootError::Gone),
                None | Some(ChannelMsg::Close) => return Err(becoming.ended()),
                Some(ChannelMsg::Data { data }) => becoming.stdout(&data),
                Some(ChannelMsg::ExtendedData { data, .. }) => becoming.stderr(&data),
                Some(_) => Step::Wait,
            };
            match step {
                Step::Wait => {}
                Step::Failed(error) => return Err(error),
                Step::Root { machine, bits } => return Ok(RootShell { channel, marks, machine, bits, stop }),
                Step::Password { refused } => {
                    let wrong = |why: &str| RootError::WrongPassword { user: target.user.clone(), why: why.to_owned() };
                    // What sudo did not take is tried no second time.
                    let refused = &given[..given.len().min(refused as usize)];
                    let secret = match ssh.passwords.next(target, &ssh.terminal, refused).await? {
                        Next::Try(secret) => secret,
                        Next::Refused => return Err(wrong("the one that `password:` of the inventory gives is wrong")),
                        Next::TooOften => return Err(wrong("wrong three times")),
                        Next::GivenUp => return Err(wrong("none was given")),
                        Next::NoTerminal => return Err(RootError::NoTerminal { user: target.user.clone() }),
                    };
                    let line = zeroize::Zeroizing::new(format!("{}\n", secret.reveal()).into_bytes());
                    given.push(secret);
                    channel.data(line.as_slice()).await.map_err(|_| RootError::Gone)?;
                }
            }
        }
    }

    /// The kernel's machine, as `uname -m`.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Bits of the userland: 32, 64, or 0 where that could not be told.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Runs a command and keeps what it prints.
    ///
    /// # Errors
    /// See [`ShellError`].
    pub async fn run(&mut self, command: Command<'_>) -> Result<Reply, ShellError> {
        let mut kept = String::new();
        let mut keep = |line: &str| {
            if kept.len() + line.len() < MOST_STDOUT {
                kept.push_str(line);
                kept.push('\n');
            }
        };
        let reply = self.lines(command, &mut keep).await?;
        // The mark begins on a line of its own, so an output without a last line end got one.
        Ok(Reply { stdout: kept.strip_suffix('\n').unwrap_or(&kept).to_owned(), ..reply })
    }

    /// Runs a command and passes on each line that it prints, as it comes.
    ///
    /// # Errors
    /// See [`ShellError`].
    pub async fn lines(
        &mut self,
        command: Command<'_>,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reply, ShellError> {
        let lost = || ShellError::Lost(String::new());
        let text = format!("{} {}\n", self.marks.mark, command.line);
        self.channel.data(text.as_bytes()).await.map_err(|_| lost())?;
        // Input and output at once: a command that complains before it has read all must not block us. The channel's
        // other half stays with us.
        let writer = self.channel.make_writer();
        let mut sending = Box::pin(send(writer, command.input));
        let mut sent = command.input.is_empty();
        let mut stop = self.stop.clone();
        let mut stopping = false;
        let mut reader = LineReader::new(&self.marks.mark);
        loop {
            let message = tokio::select! {
                done = &mut sending, if !sent => {
                    sent = true;
                    done.map_err(|_| lost())?;
                    continue;
                }
                // The end of its input asks a program of ours to stop; what it does is told to the end.
                () = stop.asked(), if !stopping => {
                    stopping = true;
                    self.channel.eof().await.map_err(|_| lost())?;
                    continue;
                }
                message = timeout(if stopping { STOPPING } else { command.silence }, self.channel.wait()) => message,
            };
            let message = message.map_err(|_| ShellError::Silent {
                seconds: command.silence.as_secs(),
                what: command.what.to_owned(),
            })?;
            match message {
                None | Some(ChannelMsg::Close) => {
                    let said = one_line(&reader.stderr(), 200);
                    return Err(ShellError::Lost(if said.is_empty() { said } else { format!(" ({said})") }));
                }
                Some(ChannelMsg::Data { data }) => reader.stdout(&data, line),
                Some(ChannelMsg::ExtendedData { data, .. }) => reader.more_stderr(&data),
                Some(_) => {}
            }
            if reader.endless() {
                return Err(ShellError::Endless(command.what.to_owned()));
            }
            if let Some(code) = reader.done() {
                return Ok(Reply { code, stdout: String::new(), stderr: reader.stderr() });
            }
        }
    }

    /// Ends the shell; its trap runs.
    pub async fn close(self) {
        let done = async {
            let _ = self.channel.eof().await;
            let _ = self.channel.close().await;
        };
        // Where the connection hangs, nobody takes these words.
        let _ = tokio::time::timeout(Duration::from_secs(1), done).await;
    }
}

async fn send(mut writer: impl tokio::io::AsyncWrite + Unpin, input: &[u8]) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt as _;
    writer.write_all(input).await?;
    writer.flush().await
}

/// Cuts two streams of bytes into lines, until the mark has come on both.
struct LineReader {
    mark: String,
    partial: Vec<u8>,
    /// An empty line is held back: before the mark there is one that is ours.
    held: bool,
    code: Option<i32>,
    stderr: Vec<u8>,
    stderr_done: bool,
}

impl LineReader {
    fn new(mark: &str) -> LineReader {
        LineReader {
            mark: mark.to_owned(),
            partial: Vec::new(),
            held: false,
            code: None,
            stderr: Vec::new(),
            stderr_done: false,
        }
    }

    fn stdout(&mut self, bytes: &[u8], line: &mut (dyn FnMut(&str) + Send)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                continue;
            }
            let whole = std::mem::take(&mut self.partial);
            let text = String::from_utf8_lossy(&whole);
            let text = text.trim_end_matches(['\n', '\r']);
            match text.strip_prefix(self.mark.as_str()).and_then(|code| code.trim().parse().ok()) {
                Some(code) => self.code = Some(code),
                None if text.is_empty() => {
                    if std::mem::replace(&mut self.held, true) {
                        line("");
                    }
                    continue;
                }
                None => {
                    if std::mem::take(&mut self.held) {
                        line("");
                    }
                    line(text);
                }
            }
        }
    }

    fn more_stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend_from_slice(bytes);
        if let Some(at) = find(&self.stderr, self.mark.as_bytes()) {
            self.stderr.truncate(at);
            self.stderr_done = true;
        } else if self.stderr.len() > 2 * MOST_STDERR {
            self.stderr.drain(..self.stderr.len() - MOST_STDERR);
        }
    }

    fn endless(&self) -> bool {
        self.partial.len() > MOST_LINE
    }

    fn done(&self) -> Option<i32> {
        self.code.filter(|_| self.stderr_done)
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(chunks: &[&[u8]], stderr: &[u8]) -> (Vec<String>, Option<i32>, String) {
        let mut reader = LineReader::new("td-mark");
        let mut lines = Vec::new();
        for chunk in chunks {
            reader.stdout(chunk, &mut |line| lines.push(line.to_owned()));
        }
        reader.more_stderr(stderr);
        (lines, reader.done(), reader.stderr())
    }

    #[test]
    fn lines_and_status() {
        let (lines, code, stderr) = read(&[b"a\n\nb\n", b"\ntd-mark 3\n"], b"oh\n\ntd-mark\n");
        assert_eq!((lines, code, stderr.as_str()), (vec!["a".into(), String::new(), "b".into()], Some(3), "oh"));
        assert_eq!(read(&[b"no end", b"\ntd-mark 0\n"], b"\ntd-mark\n").0, ["no end"]);
        assert_eq!(read(&[b"\ntd-mark 0\n"], b"").1, None, "standard error is not done");
        assert_eq!(read(&[b"td-mark x\n"], b"\ntd-mark\n").1, None, "no status");
    }

    proptest! {
        #[test]
        fn any_chunks(text in "[a-z\n]{0,40}", cut in 0usize..60) {
            let all = format!("{text}\ntd-mark 7\n");
            let (a, b) = all.as_bytes().split_at(cut.min(all.len()));
            let (lines, code, _) = read(&[a, b], b"\ntd-mark\n");
            prop_assert_eq!(code, Some(7));
            let expected = text.strip_suffix('\n').map_or(text.clone(), |text| format!("{text}\n"));
            let printed = lines.join("\n");
            prop_assert_eq!(printed.trim_end_matches('\n'), expected.trim_end_matches('\n'));
        }
    }
}
