//! The TLS sessions that the master keeps: one ticket for each node.
//!
//! rustls's own store keeps up to eight for each server and makes room for all of them at once, which with 500 nodes is 5 MB more.
//! One is enough: it is taken for the next connection, whose handshake brings another.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

type Tickets = HashMap<ServerName<'static>, Tls13ClientSessionValue>;

/// As many tickets as there are nodes.
#[derive(Default)]
pub(super) struct OneTicketEach(Mutex<Tickets>);

impl OneTicketEach {
    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OneTicketEach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTicketEach").finish_non_exhaustive()
    }
}

impl ClientSessionStore for OneTicketEach {
    /// All agents take the group that the master prefers.
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    /// TLS 1.2 is not spoken.
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, node: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.tickets().insert(node, ticket);
    }

    fn take_tls13_ticket(&self, node: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tickets().remove(node)
    }
}
