//! Where a node is reached: an IP address or a host name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::names;

/// An address of a machine, without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// IPv4 or IPv6; an IPv4 address written as IPv6 (`::ffff:192.0.2.1`) has become IPv4.
    Ip(IpAddr),
    /// A name that the master resolves, in lower case.
    Host(String),
}

/// Why a text is no [`Address`]. The sentences go on after "must be an IP address or a host name: ".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// `192.0.2.110:22`, `[2001:db8::1]:22`.
    #[error("no port here (ports are `ssh_port` and `agent_port`)")]
    Port,
    /// `fe80::1%eth0`.
    #[error("no zone (`%...`), a link-local address means another machine on every link")]
    Zone,
    /// `0.0.0.0`, a multicast or the broadcast address.
    #[error("it has to mean one machine")]
    NotOne,
    /// Digits and dots that are no IPv4 address.
    #[error("an IPv4 address is four numbers of 0 to 255 without leading zeros")]
    BadIpv4,
    /// Neither an address nor a host name.
    #[error("{0}")]
    BadName(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            let ip = ip.to_canonical();
            let broadcast = ip == IpAddr::from([255, 255, 255, 255]);
            return if ip.is_unspecified() || ip.is_multicast() || broadcast {
                Err(AddressError::NotOne)
            } else {
                Ok(Address::Ip(ip))
            };
        }
        if let Some((host, _zone)) = text.split_once('%')
            && host.parse::<IpAddr>().is_ok()
        {
            return Err(AddressError::Zone);
        }
        if let Some((host, port)) = text.rsplit_once(':')
            && !host.is_empty()
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
            && (!host.contains(':') || host.starts_with('['))
        {
            return Err(AddressError::Port);
        }
        if text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(AddressError::BadIpv4);
        }
        names::host_name(text).map_err(AddressError::BadName)?;
        Ok(Address::Host(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Host(name) => f.write_str(name),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}
