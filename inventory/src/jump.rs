//! Machines on the way to a node, as ssh writes them in ProxyJump.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::names::Text;

/// The way to a node: no machine between (`none`), or each in the order in which it is met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jump(pub Vec<Hop>);

/// One machine on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Login name there; `None` leaves it to ssh's rules.
    pub user: Option<String>,
    /// The machine: an address, or a `Host` of ~/.ssh/config.
    pub host: Address,
    /// Port of its SSH server; `None` leaves it to ssh's rules.
    pub port: Option<u16>,
}

impl FromStr for Jump {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Jump::default());
        }
        text.split(',').map(hop).collect::<Result<_, _>>().map(Jump)
    }
}

fn hop(text: &str) -> Result<Hop, String> {
    if text.contains("://") {
        return Err("no `ssh://`".to_owned());
    }
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    if let Some(user) = user {
        Text::User.check(user).map_err(|why| format!("before `@`, it {why}"))?;
    }
    let (host, port) = host_and_port(rest)?;
    Ok(Hop { user: user.map(str::to_owned), host, port })
}

/// `host`, `host:port`, `[2001:db8::1]:port` or a bare IPv6 address.
pub(crate) fn host_and_port(text: &str) -> Result<(Address, Option<u16>), String> {
    let port = |digits: &str| match digits.parse::<u16>() {
        Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err("a port is 1 to 65535".to_owned()),
    };
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, rest)) => match rest.strip_prefix(':') {
                Some(digits) => (host, Some(port(digits)?)),
                None => return Err("after `]` comes `:` and a port".to_owned()),
            },
            None => return Err("`[` without `]`".to_owned()),
        }
    } else {
        match text.split_once(':') {
            Some((host, digits)) if !digits.contains(':') => (host, Some(port(digits)?)),
            _ => (text, None),
        }
    };
    Ok((host.parse().map_err(|why: crate::AddressError| why.to_string())?, port))
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (&self.host, self.port) {
            (Address::Ip(ip), Some(port)) if ip.is_ipv6() => write!(f, "[{ip}]:{port}"),
            (host, Some(port)) => write!(f, "{host}:{port}"),
            (host, None) => host.fmt(f),
        }
    }
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, hop) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            hop.fmt(f)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Jump {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Jump> for String {
    fn from(jump: Jump) -> String {
        jump.to_string()
    }
}
