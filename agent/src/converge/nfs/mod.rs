//! The share: served by one node, mounted by all.

pub mod export;
pub mod mount;

use std::net::IpAddr;

/// How an address stands before `:/export` and in exports(5).
#[must_use]
pub fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
