//! Somebody between the master and a real agent, who delays, repeats, reorders, cuts or garbles what the agent answers,
//! or holds the line like a cable that is out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What is done to the frames of long answers. Short answers pass as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mischief {
    Nothing,
    /// Each frame comes this much later.
    Delayed(Duration),
    /// Each fourth frame comes twice.
    Repeated,
    /// The fourth and the fifth of every five frames change places.
    Reordered,
    /// The connection ends in the middle of every sixth frame.
    Cut,
    /// It ends in the middle of the first frame.
    CutAtOnce,
    /// Every sixth frame is noise of the same length.
    Garbage,
}

/// A line to one agent.
pub struct Proxy {
    pub socket: PathBuf,
    state: Arc<State>,
}

struct State {
    agent: PathBuf,
    mischief: Mischief,
    /// Nothing passes in either direction.
    cut: AtomicBool,
    /// Jobs are not opened.
    openings_held: AtomicBool,
    /// Connections that were made.
    connections: AtomicU32,
}

impl Proxy {
    /// Listens beside the agent's own socket.
    pub fn new(agent: &Path, mischief: Mischief) -> Self {
        let socket = agent.with_extension("proxy");
        let listener = UnixListener::bind(&socket).expect("a socket for the proxy");
        let state = Arc::new(State {
            agent: agent.to_owned(),
            mischief,
            cut: AtomicBool::new(false),
            openings_held: AtomicBool::new(false),
            connections: AtomicU32::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || drop(pass(client, &state)));
            }
        });
        Self { socket, state }
    }

    /// Pulls the cable out, or puts it back.
    pub fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::SeqCst);
    }

    /// Keeps the agent from hearing of jobs, or lets it hear of them.
    pub fn hold_openings(&self, held: bool) {
        self.state.openings_held.store(held, Ordering::SeqCst);
    }

    pub fn connections(&self) -> u32 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl State {
    /// What is under way waits for the cable, as TCP would have it.
    fn wait_for_the_cable(&self) {
        while self.cut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn pass(client: UnixStream, state: &State) -> std::io::Result<()> {
    state.connections.fetch_add(1, Ordering::SeqCst);
    state.wait_for_the_cable();
    let agent = UnixStream::connect(&state.agent)?;
    let (mut questions, mut to_agent) = (client.try_clone()?, agent.try_clone()?);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = [0; 16384];
            while let Ok(read @ 1..) = questions.read(&mut buffer) {
                state.wait_for_the_cable();
                // With or without a question behind the path.
                let opens = [&b"POST /jobs "[..], b"POST /jobs?"].iter().any(|start| buffer[..read].starts_with(start));
                while opens && state.openings_held.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if to_agent.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to_agent.shutdown(Shutdown::Write);
        });
        let result = answers(&agent, &client, state);
        // Ends the other thread as well.
        let _ = client.shutdown(Shutdown::Both);
        let _ = agent.shutdown(Shutdown::Both);
        result
    })
}

/// Passes answers on; those that are streams of frames with mischief.
fn answers(agent: &UnixStream, mut client: &UnixStream, state: &State) -> std::io::Result<()> {
    let mut agent = BufReader::new(agent);
    let mut frames = Frames { count: 0, held: None };
    loop {
        let (head, length, is_stream) = read_head(&mut agent)?;
        if head.is_empty() {
            return Ok(());
        }
        state.wait_for_the_cable();
        client.write_all(&head)?;
        if !is_stream {
            let mut body = vec![0; length];
            agent.read_exact(&mut body)?;
            state.wait_for_the_cable();
            client.write_all(&body)?;
            continue;
        }
        loop {
            let chunk = read_chunk(&mut agent)?;
            state.wait_for_the_cable();
            let is_last = chunk.starts_with(b"0\r\n");
            if !frames.pass(chunk, is_last, state.mischief, &mut client)? {
                return Ok(());
            }
            if is_last {
                break;
            }
        }
    }
}

struct Frames {
    count: u32,
    held: Option<Vec<u8>>,
}

impl Frames {
    /// Sends a chunk, which is one frame of td's, or does not; whether the connection goes on.
    fn pass(
        &mut self,
        chunk: Vec<u8>,
        is_last: bool,
        mischief: Mischief,
        client: &mut impl Write,
    ) -> std::io::Result<bool> {
        self.count += 1;
        if let Some(held) = self.held.take() {
            client.write_all(&chunk)?;
            client.write_all(&held)?;
            return Ok(true);
        }
        match mischief {
            _ if is_last => {}
            Mischief::Delayed(time) => std::thread::sleep(time),
            Mischief::Repeated if self.count.is_multiple_of(4) => client.write_all(&chunk)?,
            Mischief::Reordered if self.count.is_multiple_of(5) => {
                self.held = Some(chunk);
                return Ok(true);
            }
            Mischief::Cut if !self.count.is_multiple_of(6) => {}
            Mischief::Cut | Mischief::CutAtOnce => {
                client.write_all(&chunk[..chunk.len() / 2])?;
                return Ok(false);
            }
            Mischief::Garbage if self.count.is_multiple_of(6) => {
                let start = chunk.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                let mut noise = chunk;
                let end = noise.len() - 2;
                let mut state = 1u32;
                for byte in &mut noise[start..end] {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *byte = (state >> 24) as u8;
                }
                client.write_all(&noise)?;
                return Ok(true);
            }
            _ => {}
        }
        client.write_all(&chunk)?;
        Ok(true)
    }
}

/// The head of an answer with the empty line; the body's length, and whether it comes in chunks instead.
fn read_head(agent: &mut impl BufRead) -> std::io::Result<(Vec<u8>, usize, bool)> {
    let (mut head, mut length, mut chunked) = (Vec::new(), 0, false);
    loop {
        let start = head.len();
        if agent.read_until(b'\n', &mut head)? == 0 {
            return Ok((Vec::new(), 0, false));
        }
        let line = String::from_utf8_lossy(&head[start..]).to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        if line.trim().is_empty() {
            return Ok((head, length, chunked));
        }
    }
}

/// One chunk as it stands: its length in hexadecimal, its data, both with their line ends.
fn read_chunk(agent: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    agent.read_until(b'\n', &mut chunk)?;
    let digits = String::from_utf8_lossy(&chunk).trim().to_owned();
    let length = usize::from_str_radix(&digits, 16).map_err(std::io::Error::other)?;
    let start = chunk.len();
    chunk.resize(start + length + 2, 0);
    agent.read_exact(&mut chunk[start..])?;
    Ok(chunk)
}
