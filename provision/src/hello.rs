//! Asking an agent who it is, as a render would: over TLS, with the cluster's certificates, at the address of the inventory.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use td_protocol::hello::Hello;
use td_protocol::version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;

/// Until it is reached: connection and handshake, on a Pi 1 that boots beside it.
const REACHED: Duration = Duration::from_secs(120);
/// An agent that is started for the first time renders its fingerprint before it answers: minutes on a Pi 1 that boots beside it.
const ANSWERED: Duration = Duration::from_secs(600);
/// Longest answer.
const MOST: u64 = 1 << 20;

/// Asks; the error is a sentence without the node's name.
pub async fn ask(config: &Arc<ClientConfig>, address: IpAddr, port: u16, name: &str) -> Result<Hello, String> {
    let place = SocketAddr::new(address, port);
    let late = |deadline: Duration| {
        move |_| format!("td-agent at {address} port {port} does not answer within {} s", deadline.as_secs())
    };
    let tls = timeout(REACHED, reach(config, place, name)).await.map_err(late(REACHED))??;
    timeout(ANSWERED, exchange(tls, place, name)).await.map_err(late(ANSWERED))?
}

async fn reach(config: &Arc<ClientConfig>, place: SocketAddr, name: &str) -> Result<TlsStream<TcpStream>, String> {
    // A service that systemd has just started may not listen yet.
    let mut tries = 0;
    let stream = loop {
        match TcpStream::connect(place).await {
            Ok(stream) => break stream,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused && tries < 20 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Err(error) => {
                return Err(format!(
                    "td-agent cannot be reached at {place} ({error}): `systemctl status td-agent` there; is a firewall between?"
                ));
            }
        }
    };
    let server = ServerName::try_from(name.to_owned()).map_err(|_| format!("{name} cannot stand in a certificate"))?;
    let tls = TlsConnector::from(Arc::clone(config)).connect(server, stream);
    tls.await.map_err(|error| {
        format!("td-agent at {place} and this machine do not accept each other's certificates ({error}): apply sends new ones; are both clocks right?")
    })
}

async fn exchange(mut tls: TlsStream<TcpStream>, place: SocketAddr, name: &str) -> Result<Hello, String> {
    let failed =
        |error: std::io::Error| format!("td-agent at {place} broke off ({error}); `journalctl -u td-agent` there");
    let request = format!("GET /hello HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
    tls.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    let read = (&mut tls).take(MOST).read_to_end(&mut answer).await;
    if let Err(error) = read
        && answer.is_empty()
    {
        return Err(failed(error));
    }
    read_answer(&answer).map_err(|why| format!("td-agent at {place} answers strangely: {why}"))
}

/// Status, head, body; the body has a length or is chunked.
fn read_answer(answer: &[u8]) -> Result<Hello, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no HTTP")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status != "200" {
        return Err(format!("HTTP status {}", crate::words::one_line(status, 10)));
    }
    let body = &answer[end + 4..];
    // The answer is one JSON object; in a chunked body it lies between two lengths.
    let first = body.iter().position(|byte| *byte == b'{').ok_or("no JSON")?;
    let last = body.iter().rposition(|byte| *byte == b'}').ok_or("no JSON")?;
    let json = body.get(first..=last).ok_or("no JSON")?;
    let hello: Hello = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if hello.protocol != version::PROTOCOL {
        return Err(format!("it speaks protocol {}, this td speaks {}", hello.protocol, version::PROTOCOL));
    }
    Ok(hello)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers() {
        let json = format!(
            r#"{{"protocol":{},"td":"1","name":"a","slots":1,"povray":{{"state":"unusable","message":"x"}},"memory_available":1,"scratch_available":2}}"#,
            version::PROTOCOL
        );
        let plain = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{json}", json.len());
        assert_eq!(read_answer(plain.as_bytes()).expect("reads").name, "a");
        let chunked = format!("HTTP/1.1 200 OK\r\n\r\n{:x}\r\n{json}\r\n0\r\n\r\n", json.len());
        assert_eq!(read_answer(chunked.as_bytes()).expect("reads").slots, 1);
        assert_eq!(read_answer(b"HTTP/1.1 503 No\r\n\r\n{}").unwrap_err(), "HTTP status 503");
        assert!(read_answer(b"SSH-2.0").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read_answer(&bytes);
            let _ = read_answer(&[b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &bytes].concat());
        }
    }
}
