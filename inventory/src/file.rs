//! The file as types, by `serde_yaml`: what is in it and nothing more. Defaults are merged in `resolve`.
//!
//! Comes after the checks, so a failure here is a bug of ours: the table of keys and these types disagree. A test reads a
//! file that uses every key of the table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::health::Bound;
use crate::jump::Jump;
use crate::model::Model;
use crate::yaml::Node as Tree;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockFrom>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Host>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeMap<String, Group>>,
    #[serde(with = "in_order")]
    pub nodes: Vec<(String, Host)>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// A node's name or an address; which of the two is found out in `resolve`.
    pub server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<String>,
}

/// A node, or `defaults` (which the checks allow no address).
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub povray_word_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apt_proxy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    #[serde(rename = "become", skip_serializing_if = "Option::is_none")]
    pub becomes: Option<Become>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What a group's nodes have in common.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// Limits of `td health` by the checks' names.
pub(crate) type Health = BTreeMap<String, Limits>;

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none", default, with = "bound")]
    pub warn: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none", default, with = "bound")]
    pub fail: Option<Bound>,
}

/// Where the nodes have the time from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockFrom {
    /// Each node's own time synchronisation, from the internet or the local network.
    #[default]
    System,
    /// The share's server, which is a node.
    Server,
}

/// How the login becomes root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// By sudo, unless it is root already.
    #[default]
    Sudo,
    /// Not at all: it is root.
    None,
}

/// Where a password comes from. Exactly one of the two is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    /// An environment variable of the master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// A command for `sh` on the master that prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Boot {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_mem: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm_freq: Option<u32>,
}

/// A checked tree as types.
pub(crate) fn typed(tree: &Tree) -> Result<File, serde_yaml::Error> {
    serde_yaml::from_value(tree.to_serde())
}

/// A number, a text with its unit, or `none`.
mod bound {
    use crate::health::{self, Bound};
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;
    use std::fmt;

    pub fn serialize<S: Serializer>(bound: &Option<Bound>, to: S) -> Result<S::Ok, S::Error> {
        match bound.and_then(Bound::value) {
            Some(value) => to.serialize_f64(value),
            None => to.serialize_str("none"),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bound>, D::Error> {
        struct Limit;

        impl Visitor<'_> for Limit {
            type Value = Option<Bound>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number or `none`")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Some(Bound::At(value)))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                // No limit is so large that it would lose a digit.
                Ok(Some(Bound::At(value as f64)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                health::parse(text).map(|(bound, _)| Some(bound)).ok_or_else(|| E::custom("no limit"))
            }
        }

        from.deserialize_any(Limit)
    }
}

/// A mapping that keeps the order of the file: people list machines as they stand on the shelf.
mod in_order {
    use super::Host;
    use serde::de::{Deserializer, MapAccess, Visitor};
    use serde::ser::{SerializeMap, Serializer};
    use std::fmt;

    pub fn serialize<S: Serializer>(nodes: &[(String, Host)], to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(nodes.len()))?;
        for (name, node) in nodes {
            map.serialize_entry(name, node)?;
        }
        map.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Host)>, D::Error> {
        struct Nodes;

        impl<'de> Visitor<'de> for Nodes {
            type Value = Vec<(String, Host)>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("nodes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut nodes = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    nodes.push(entry);
                }
                Ok(nodes)
            }
        }

        from.deserialize_map(Nodes)
    }
}
