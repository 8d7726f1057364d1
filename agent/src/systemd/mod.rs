//! Questions to systemd over its own socket. Only root may ask there, and a question costs a hundredth of what a start of
//! systemctl does: the probe asks each minute.

mod wire;

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub use wire::Unit;
use wire::{HEAD, Kind};

/// Where process 1 listens (`bus_connect_system_systemd` of systemd's own tools).
const SOCKET: &str = "/run/systemd/private";
/// It answers at once, also on a Pi 1.
const DEADLINE: Duration = Duration::from_secs(5);
/// A machine has some hundred units of some hundred bytes.
const MOST_BYTES: usize = 4 << 20;
/// Signals that may come before the answer.
const MOST_SIGNALS: usize = 1000;

/// The units in one of these states.
///
/// # Errors
/// When there is no systemd, or it does not answer.
pub fn units_in(states: &[&str]) -> io::Result<Vec<Unit>> {
    ask(Path::new(SOCKET), "ListUnitsFiltered", states)
}

/// The units of these names; those that are not there are told with `not-found`.
///
/// # Errors
/// As [`units_in`].
pub fn units_named(names: &[&str]) -> io::Result<Vec<Unit>> {
    ask(Path::new(SOCKET), "ListUnitsByNames", names)
}

fn ask(socket: &Path, member: &str, strings: &[&str]) -> io::Result<Vec<Unit>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    // The socket tells who asks; the name is the user's number in hexadecimal ASCII.
    let user: String =
        rustix::process::geteuid().as_raw().to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
    // The greeting is sent whole, and the question only after the answer to it: a question that systemd reads together with
    // the greeting's end stays in its buffer until something more comes.
    stream.write_all(format!("\0AUTH EXTERNAL {user}\r\nBEGIN\r\n").as_bytes())?;
    if !read_line(&mut stream)?.starts_with(b"OK ") {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.write_all(&wire::call(member, strings))?;
    let odd = || io::Error::from(io::ErrorKind::InvalidData);
    for _ in 0..MOST_SIGNALS {
        let mut head = [0; HEAD];
        stream.read_exact(&mut head)?;
        let head = wire::head(&head).ok_or_else(odd)?;
        let length = head.fields.checked_add(head.body).filter(|&length| length <= MOST_BYTES).ok_or_else(odd)?;
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest)?;
        match head.kind {
            Kind::Return => return wire::units(&rest[head.fields..]).ok_or_else(odd),
            Kind::Error => return Err(io::Error::other("systemd refuses the question")),
            Kind::Other => {}
        }
    }
    Err(odd())
}

/// A line of the greeting, byte by byte: what follows is not ours to take.
fn read_line(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && line.len() < 1024 {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A systemd that first sends a signal and then the answer.
    fn serve(listener: &UnixListener, kind: u8, body: &[u8]) -> Vec<u8> {
        let (mut stream, _) = listener.accept().unwrap();
        let mut zero = [0];
        stream.read_exact(&mut zero).unwrap();
        let hello = read_line(&mut stream).unwrap();
        assert_eq!(read_line(&mut stream).unwrap(), b"BEGIN\r\n");
        stream.write_all(b"OK 0123456789abcdef\r\n").unwrap();
        let mut head = [0; HEAD];
        stream.read_exact(&mut head).unwrap();
        let asked = wire::head(&head).unwrap();
        let mut rest = vec![0; asked.fields + asked.body];
        stream.read_exact(&mut rest).unwrap();
        for (kind, body) in [(4, b"ignored!".as_slice()), (kind, body)] {
            let mut message = vec![b'l', kind, 1, 1];
            message.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            message.extend([1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            message.extend(body);
            stream.write_all(&message).unwrap();
        }
        hello
    }

    #[test]
    fn an_answer_is_found_among_signals() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("private");
        let listener = UnixListener::bind(&socket).unwrap();
        let body = wire::tests::answer(&[("a.service", "failed")]);
        std::thread::scope(|scope| {
            let server = scope.spawn(|| serve(&listener, 2, &body));
            let units = ask(&socket, "ListUnitsFiltered", &["failed"]).unwrap();
            assert_eq!((units.len(), units[0].name.as_str()), (1, "a.service"));
            let hello = server.join().unwrap();
            assert!(hello.starts_with(b"AUTH EXTERNAL 3"), "{hello:?}");
        });
        std::thread::scope(|scope| {
            scope.spawn(|| serve(&listener, 3, b""));
            assert!(ask(&socket, "ListUnitsFiltered", &["failed"]).is_err());
        });
        assert!(ask(&dir.path().join("none"), "x", &[]).is_err());
    }
}
