//! What an error between the master and an agent means, in a sentence for the person who has to mend it.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::fleet::cluster::Unresolved;

/// Kinds of trouble, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody listens there.
    Refused,
    /// No way to the machine.
    NoRoute,
    /// Its address, or its name, cannot be looked up or asked for.
    Name,
    /// The two do not trust each other, or it speaks something else.
    Tls,
    /// Nothing came in time.
    Timeout,
    /// This master has no certificate, or none that is good.
    NoCertificate,
    /// The answer was none of td's, or the connection broke.
    Broken,
}

/// What an error of a connection means.
#[must_use]
pub fn of_io(error: &io::Error) -> (Why, String) {
    if let Some(tls) = find::<rustls::Error>(error) {
        return (Why::Tls, tls_sentence(tls));
    }
    let error = find::<io::Error>(error).unwrap_or(error);
    let why = match error.kind() {
        io::ErrorKind::ConnectionRefused => Why::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Why::NoRoute,
        io::ErrorKind::TimedOut => Why::Timeout,
        _ => Why::Broken,
    };
    (why, io_sentence(error))
}

/// The innermost reason of an HTTP error, in words: "Connection refused" tells more than "error sending request".
#[must_use]
pub fn sentence(error: &reqwest::Error) -> String {
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_sentence(tls);
    }
    if let Some(unresolved) = find::<Unresolved>(error) {
        return unresolved.to_string();
    }
    if let Some(io) = find::<io::Error>(error) {
        return io_sentence(io);
    }
    if error.is_timeout() {
        return if error.is_connect() {
            "no connection in time: it is switched off, frozen, or behind a firewall".to_owned()
        } else {
            "no answer in time".to_owned()
        };
    }
    let mut reason: &dyn Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// The first error of this type among the causes. An `io::Error` hides what it carries from `source()`.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            let io = (found as &dyn std::any::Any).downcast_ref::<io::Error>();
            // An I/O error around another error is only its wrapping.
            if io.is_none_or(|io| io.get_ref().is_none()) {
                return Some(found);
            }
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

fn io_sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: no agent listens there".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("no route to it ({error}): is it switched on, and its cable in?")
        }
        io::ErrorKind::TimedOut => "no connection in time: it is switched off, frozen, or behind a firewall".to_owned(),
        _ => error.to_string(),
    }
}

fn tls_sentence(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(error) => certificate_sentence(error),
        Tls::AlertReceived(alert) => alert_sentence(*alert),
        Tls::InvalidMessage(_) => "what listens there speaks no TLS, so it is not td-agent with --tls".to_owned(),
        Tls::PeerIncompatible(_) => format!("what listens there does not speak TLS 1.3 ({error})"),
        other => format!("TLS failed: {other}"),
    }
}

/// What is wrong with the node's certificate, as seen here.
fn certificate_sentence(error: &CertificateError) -> String {
    const RENEW: &str = "`td-provision certs issue` makes a new one, which then has to reach the node";
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("TLS: its certificate was made by another CA than this cluster's: {RENEW}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("TLS: its certificate has ended: {RENEW}")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "TLS: its certificate is not valid yet by this machine's clock: is the clock right?".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let presented: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            format!(
                "wrong name: what listens there is {}: is the address right in the inventory?",
                if presented.is_empty() { "no node".to_owned() } else { presented.join(", ") }
            )
        }
        CertificateError::NotValidForName => {
            "wrong name: what listens there is another node: is the address right in the inventory?".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("TLS: its certificate is not that of a node: {RENEW}")
        }
        other => format!("TLS: its certificate is not good ({other}): {RENEW}"),
    }
}

/// `DnsName("pi111")` is how rustls writes a name.
fn plain_name(name: &str) -> &str {
    name.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix("\")")).unwrap_or(name)
}

/// Why the node did not accept this master, as it said itself.
fn alert_sentence(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "TLS: it was shown no certificate of a master".to_owned(),
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "TLS: it does not know this master's CA: its certificates are of another `td-provision certs init` than those here"
                .to_owned()
        }
        AlertDescription::CertificateExpired => {
            "TLS: by its clock this master's certificate has ended: `td-provision certs show` tells, `certs issue` renews it"
                .to_owned()
        }
        AlertDescription::UnsupportedCertificate | AlertDescription::BadCertificate => {
            "TLS: it does not accept this master's certificate: `td-provision certs show` tells what it is".to_owned()
        }
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            "what listens there does not speak TLS 1.3".to_owned()
        }
        other => format!("TLS: it refused with {other:?}"),
    }
}
