//! What a certificate file is worth.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData as _};
use td_inventory::credentials;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use super::NEAR_DAYS;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ca,
    Master,
    Node,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA",
            Self::Master => "master",
            Self::Node => "node",
        })
    }
}

/// How a certificate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Good,
    /// Good, and its end is near.
    EndsSoon,
    Ended,
    Missing,
    /// Not usable for what it should be; the sentence says why.
    Bad(String),
}

impl State {
    /// Whether it can be used today.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Good | Self::EndsSoon)
    }

    /// One word, for scripts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::EndsSoon => "ends_soon",
            Self::Ended => "ended",
            Self::Missing => "missing",
            Self::Bad(_) => "bad",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::EndsSoon => f.write_str("ENDS SOON"),
            Self::Ended => f.write_str("ENDED"),
            Self::Missing => f.write_str("missing"),
            Self::Bad(why) => write!(f, "NOT GOOD: {why}"),
        }
    }
}

/// A certificate as found.
#[derive(Debug, Clone)]
pub struct Seen {
    pub state: State,
    pub not_after: Option<OffsetDateTime>,
}

impl Seen {
    fn bad(why: impl Into<String>) -> Self {
        Self { state: State::Bad(why.into()), not_after: None }
    }

    /// Whole days until its end; negative after it.
    pub fn days_left(&self, now: OffsetDateTime) -> Option<i64> {
        self.not_after.map(|end| (end - now).whole_days())
    }
}

/// Whose certificate is expected in a file.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub kind: Kind,
    /// The node's name; of no account for others.
    pub name: &'a str,
    /// The CA's certificate, PEM, where it could be read.
    pub ca: Option<&'a str>,
}

/// Looks at a certificate and its key.
pub fn look(certificate: &Path, key: &Path, wanted: Wanted<'_>, now: OffsetDateTime) -> Seen {
    let pem = match fs::read(certificate) {
        Ok(pem) => pem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Seen { state: State::Missing, not_after: None };
        }
        Err(error) => return Seen::bad(format!("cannot be read: {error}")),
    };
    let Ok((_, pem)) = parse_x509_pem(&pem) else { return Seen::bad("holds no certificate in PEM form") };
    let Ok(parsed) = pem.parse_x509() else { return Seen::bad("holds no certificate that can be read") };
    let not_after = parsed.validity().not_after.to_datetime();
    let state = match fault(&parsed, key, wanted) {
        Some(why) => State::Bad(why),
        None if now > not_after => State::Ended,
        None if (not_after - now).whole_days() < NEAR_DAYS => State::EndsSoon,
        None => State::Good,
    };
    Seen { state, not_after: Some(not_after) }
}

/// Why a certificate is not what is wanted, its end apart.
fn fault(found: &X509Certificate<'_>, key: &Path, wanted: Wanted<'_>) -> Option<String> {
    let is_ca = found.is_ca();
    if is_ca != (wanted.kind == Kind::Ca) {
        return Some(if is_ca { "is that of a CA".to_owned() } else { "is not that of a CA".to_owned() });
    }
    if wanted.kind != Kind::Ca {
        if let Err(why) = is_signed(found, wanted.ca) {
            return Some(why);
        }
        let usage = found.extended_key_usage().ok().flatten();
        let usage = usage.as_ref().map(|usage| (usage.value.client_auth, usage.value.server_auth));
        let fits = match wanted.kind {
            Kind::Master => usage == Some((true, false)),
            _ => usage == Some((false, true)),
        };
        if !fits {
            return Some(format!("is not that of a {}", wanted.kind));
        }
    }
    if wanted.kind == Kind::Node && !names(found).iter().any(|name| name.eq_ignore_ascii_case(wanted.name)) {
        return Some(format!("is for {}, not for {}", names(found).join(", "), wanted.name));
    }
    key_fault(found, key)
}

fn is_signed(found: &X509Certificate<'_>, ca: Option<&str>) -> Result<(), String> {
    let Some(ca) = ca else { return Err("there is no CA to check it with".to_owned()) };
    let parsed = parse_x509_pem(ca.as_bytes()).ok();
    let parsed = parsed.as_ref().and_then(|(_, pem)| pem.parse_x509().ok());
    match parsed {
        Some(ca) if found.verify_signature(Some(ca.public_key())).is_ok() => Ok(()),
        Some(_) => Err("was made by another CA".to_owned()),
        None => Err("there is no CA to check it with".to_owned()),
    }
}

fn names(found: &X509Certificate<'_>) -> Vec<String> {
    let names = found.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.clone()).unwrap_or_default();
    let names = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    names.collect()
}

fn key_fault(found: &X509Certificate<'_>, key: &Path) -> Option<String> {
    let text = match fs::read_to_string(key) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some("its key is missing".to_owned()),
        Err(error) => return Some(format!("its key cannot be read: {error}")),
    };
    if credentials::key_file_is_private(key).is_err() {
        return Some(format!("others can read its key: `chmod 600 {}`, or make a new one", key.display()));
    }
    let Ok(pair) = KeyPair::from_pem(&text) else { return Some("its key cannot be used".to_owned()) };
    let belongs = pair.subject_public_key_info() == found.public_key().raw;
    (!belongs).then(|| "its key is that of another certificate".to_owned())
}
