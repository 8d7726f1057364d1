//! A `td-agent` that lies. The tests put it beside a copy of `td`, which starts it as its embedded agent.
//!
//! It starts the real agent on a socket beside its own and passes bytes between the two, but for what `$TD_EVIL`
//! says is done to the agent's answers: see [`Evil`]. `$TD_EVIL_REAL` names the real agent.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is done to the agent's answers.
#[derive(Clone, Copy, PartialEq)]
enum Evil {
    /// Every answer is noise.
    Garbage,
    /// Rows end in the middle, every time: the connection is closed after some kilobytes.
    Cut,
    /// The same, but only the first time.
    CutOnce,
    /// From some kilobytes on, one byte in a thousand is another.
    Flip,
    /// The agent says that it speaks another version of the protocol.
    Version,
}

/// How much of an answer passes before rows are tampered with: more than any answer that carries none.
const UNTOUCHED: usize = 4096;

static CUT: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evil-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let evil = match std::env::var("TD_EVIL")?.as_str() {
        "garbage" => Evil::Garbage,
        "cut" => Evil::Cut,
        "cut-once" => Evil::CutOnce,
        "flip" => Evil::Flip,
        "version" => Evil::Version,
        other => return Err(format!("TD_EVIL={other} is unknown").into()),
    };
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let at = args.iter().position(|arg| arg == "--socket").ok_or("td started it without --socket")? + 1;
    let ours = PathBuf::from(&args[at]);
    let theirs = ours.with_extension("real");
    args[at] = theirs.to_str().ok_or("a plain path")?.to_owned();
    // The real agent's standard input is a pipe from here: it ends when this program does.
    let mut real = Command::new(std::env::var_os("TD_EVIL_REAL").ok_or("TD_EVIL_REAL")?)
        .args(&args)
        .stdin(Stdio::piped())
        .spawn()?;
    while UnixStream::connect(&theirs).is_err() {
        if let Some(status) = real.try_wait()? {
            return Err(format!("the real agent ended: {status}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let listener = UnixListener::bind(&ours)?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let theirs = theirs.clone();
            std::thread::spawn(move || drop(pass(client, &theirs, evil)));
        }
    });
    wait_for_the_master(&mut real);
    Ok(())
}

/// Ends when standard input does, the real agent first.
fn wait_for_the_master(real: &mut Child) {
    let mut buffer = [0; 64];
    while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
    drop(real.stdin.take());
    let _ = real.wait();
}

fn pass(mut client: UnixStream, theirs: &PathBuf, evil: Evil) -> std::io::Result<()> {
    if evil == Evil::Garbage {
        let mut buffer = [0; 4096];
        let _ = client.read(&mut buffer)?;
        return client.write_all(&noise());
    }
    let mut agent = UnixStream::connect(theirs)?;
    let (mut questions, mut to_agent) = (client.try_clone()?, agent.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut questions, &mut to_agent);
        let _ = to_agent.shutdown(std::net::Shutdown::Write);
    });
    let mut passed = 0;
    let mut buffer = [0; 16384];
    loop {
        let n = agent.read(&mut buffer)?;
        if n == 0 {
            return client.shutdown(std::net::Shutdown::Both);
        }
        let bytes = &mut buffer[..n];
        let cut = match evil {
            Evil::Version => {
                another_version(bytes);
                false
            }
            Evil::Flip => {
                let from = UNTOUCHED.saturating_sub(passed).min(n);
                bytes[from..].iter_mut().step_by(1000).for_each(|byte| *byte ^= 0x10);
                false
            }
            Evil::Cut => passed + n > UNTOUCHED,
            Evil::CutOnce => passed + n > UNTOUCHED && !CUT.swap(true, Ordering::SeqCst),
            Evil::Garbage => false,
        };
        if cut {
            let _ = client.write_all(&bytes[..n / 2]);
            let _ = agent.shutdown(std::net::Shutdown::Both);
            return client.shutdown(std::net::Shutdown::Both);
        }
        client.write_all(bytes)?;
        passed += n;
    }
}

/// `"protocol":1` becomes `"protocol":9`.
fn another_version(bytes: &mut [u8]) {
    const KEY: &[u8] = b"\"protocol\":";
    if let Some(at) = bytes.windows(KEY.len()).position(|window| window == KEY)
        && let Some(digit) = bytes.get_mut(at + KEY.len())
    {
        *digit = b'9';
    }
}

/// Bytes that are no answer, the same each time.
fn noise() -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..4096).map(|_| next()).collect()
}
