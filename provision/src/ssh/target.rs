//! What to connect to: an inventory's node and `~/.ssh/config` together. No I/O, so every rule can be tested.
//!
//! The inventory comes first, then the config file (looked up by the node's address, as `ssh ADDRESS` would), then ssh's
//! own defaults.

use std::path::{Path, PathBuf};

use td_inventory::{Address, Hop, Inventory, Jump, Node, PasswordSource};
use thiserror::Error;

use super::config::Config;

/// One machine with an SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name for messages: the node's, or that of the jump host.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Private keys that were named, first choice first. Empty: the usual ones.
    pub identity_files: Vec<PathBuf>,
    /// Only these, no other key of the ssh-agent.
    pub identities_only: bool,
    /// Where the password comes from.
    pub password: Option<PasswordSource>,
    /// The machines on the way, nearest first; each is reached through the ones before it.
    pub via: Vec<Target>,
}

/// Longest way to a node.
const MOST_HOPS: usize = 8;

/// A way that cannot be gone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WayError {
    /// `a` by `b` by `a` ...
    #[error(
        "the way to {0} has more than {MOST_HOPS} jumps; does a jump host jump through itself? (`jump` of the inventory, `ProxyJump` of ~/.ssh/config)"
    )]
    TooLong(String),
    /// ProxyJump that is none.
    #[error("`ProxyJump {text}` of ~/.ssh/config for {host} is not understood: {why}")]
    BadProxyJump {
        /// The value.
        text: String,
        /// Whose.
        host: String,
        /// Why not.
        why: String,
    },
}

/// Whose rules hold besides the inventory's.
#[derive(Debug, Clone)]
pub struct Person<'a> {
    /// `~/.ssh/config`.
    pub config: &'a Config,
    /// The home folder.
    pub home: &'a Path,
    /// The login name on the master, the last resort.
    pub user: &'a str,
}

impl Person<'_> {
    /// How `node` is reached.
    ///
    /// # Errors
    /// See [`WayError`].
    pub fn target(&self, inventory: &Inventory, node: &Node) -> Result<Target, WayError> {
        self.node(inventory, node, 0)
    }

    fn node(&self, inventory: &Inventory, node: &Node, depth: usize) -> Result<Target, WayError> {
        let wanted = Wanted {
            name: &node.name,
            address: &node.address,
            user: node.user.as_deref(),
            port: node.ssh_port,
            jump: node.jump.as_ref(),
            identity_file: node.identity_file.as_deref(),
            password: node.password.as_ref(),
        };
        self.machine(inventory, &wanted, depth)
    }

    fn hop(&self, inventory: &Inventory, hop: &Hop, depth: usize) -> Result<Vec<Target>, WayError> {
        let name = hop.host.to_string();
        // A node's name is that node, with all that the inventory says of it.
        let mut target = match inventory.node(&name) {
            Some(node) => self.node(inventory, node, depth)?,
            None => {
                let wanted = Wanted { name: &name, address: &hop.host, ..Wanted::default_of(&hop.host) };
                self.machine(inventory, &wanted, depth)?
            }
        };
        if let Some(user) = &hop.user {
            target.user.clone_from(user);
        }
        if let Some(port) = hop.port {
            target.port = port;
        }
        let mut way = std::mem::take(&mut target.via);
        way.push(target);
        Ok(way)
    }

    fn machine(&self, inventory: &Inventory, wanted: &Wanted, depth: usize) -> Result<Target, WayError> {
        if depth > MOST_HOPS {
            return Err(WayError::TooLong(wanted.name.to_owned()));
        }
        let address = wanted.address.to_string();
        let options = self.config.lookup(&address);
        let host = match &options.host_name {
            Some(name) => name.replace("%h", &address).replace("%%", "%"),
            None => address.clone(),
        };
        let user = wanted.user.map(str::to_owned).or(options.user).unwrap_or_else(|| self.user.to_owned());
        let port = wanted.port.or(options.port).unwrap_or(22);
        let jump = match (wanted.jump, &options.proxy_jump) {
            (Some(jump), _) => jump.clone(),
            (None, Some(text)) => {
                text.parse().map_err(|why| WayError::BadProxyJump { text: text.clone(), host: address.clone(), why })?
            }
            (None, None) => Jump::default(),
        };
        let mut via: Vec<Target> = Vec::new();
        for (index, hop) in jump.0.iter().enumerate() {
            let way = self.hop(inventory, hop, depth + 1)?;
            // As in OpenSSH: only the first machine of a list uses a way of its own.
            if index == 0 { via.extend(way) } else { via.extend(way.into_iter().next_back()) }
        }
        if via.len() > MOST_HOPS {
            return Err(WayError::TooLong(wanted.name.to_owned()));
        }
        let named: Vec<String> = match wanted.identity_file {
            Some(file) => vec![file.to_owned()],
            None => options.identity_files,
        };
        let expand = |file: &String| {
            let file = file
                .replace("%d", &self.home.display().to_string())
                .replace("%h", &host)
                .replace("%r", &user)
                .replace("%u", self.user)
                .replace("%%", "%");
            match file.strip_prefix("~/") {
                Some(rest) => self.home.join(rest),
                None => PathBuf::from(file),
            }
        };
        Ok(Target {
            name: wanted.name.to_owned(),
            identity_files: named.iter().map(expand).collect(),
            identities_only: wanted.identity_file.is_some() || options.identities_only,
            host,
            port,
            user,
            password: wanted.password.cloned(),
            via,
        })
    }
}

/// What is wished of a machine before ssh's rules fill the gaps.
struct Wanted<'a> {
    name: &'a str,
    address: &'a Address,
    user: Option<&'a str>,
    port: Option<u16>,
    jump: Option<&'a Jump>,
    identity_file: Option<&'a str>,
    password: Option<&'a PasswordSource>,
}

impl<'a> Wanted<'a> {
    fn default_of(address: &'a Address) -> Self {
        Wanted { name: "", address, user: None, port: None, jump: None, identity_file: None, password: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(yaml: &str) -> Inventory {
        Inventory::from_bytes("inventory.yaml", yaml.as_bytes()).expect("is good")
    }

    fn target(yaml: &str, config: &str, node: &str) -> Result<Target, WayError> {
        let inventory = inventory(yaml);
        let config = Config::parse("config", config, &|_| Vec::new());
        let person = Person { config: &config, home: Path::new("/home/me"), user: "me" };
        person.target(&inventory, inventory.node(node).expect("is there"))
    }

    #[test]
    fn nothing_said() {
        let found = target("nodes: { a: { address: a.local } }", "", "a").expect("a way");
        assert_eq!((found.host.as_str(), found.port, found.user.as_str()), ("a.local", 22, "me"));
        assert!(found.identity_files.is_empty() && found.via.is_empty() && !found.identities_only);
    }

    #[test]
    fn the_inventory_comes_before_the_config() {
        let config = "Host 192.0.2.1\n User cfg\n Port 99\n HostName real.example\n IdentityFile ~/k-%r-%h\n";
        let yaml = "nodes: { a: { address: 192.0.2.1, user: inv } }";
        let found = target(yaml, config, "a").expect("a way");
        assert_eq!((found.host.as_str(), found.port, found.user.as_str()), ("real.example", 99, "inv"));
        assert_eq!(found.identity_files, [PathBuf::from("/home/me/k-inv-real.example")]);
        assert!(!found.identities_only);
        let yaml = "nodes: { a: { address: 192.0.2.1, ssh_port: 22, identity_file: /k } }";
        let found = target(yaml, config, "a").expect("a way");
        assert_eq!((found.port, found.user.as_str(), found.identities_only), (22, "cfg", true));
        assert_eq!(found.identity_files, [PathBuf::from("/k")]);
    }

    #[test]
    fn jumps() {
        let yaml = "nodes:
  gate: { address: 192.0.2.1, user: g, ssh_port: 2200 }
  a: { address: 10.0.0.1, jump: gate }
  b: { address: 10.0.0.2, jump: 'x@gate:7,192.0.2.9' }
  c: { address: 10.0.0.3, jump: a }
  d: { address: 10.0.0.4 }
";
        let config = "Host 10.0.0.4\n ProxyJump alias\nHost alias\n HostName real.example\n";
        let way = |node: &str| {
            let found = target(yaml, config, node).expect("a way");
            found.via.iter().map(|hop| format!("{}@{}:{}", hop.user, hop.host, hop.port)).collect::<Vec<_>>()
        };
        assert_eq!(way("a"), ["g@192.0.2.1:2200"]);
        assert_eq!(way("b"), ["x@192.0.2.1:7", "me@192.0.2.9:22"]);
        assert_eq!(way("c"), ["g@192.0.2.1:2200", "me@10.0.0.1:22"]);
        assert_eq!(way("d"), ["me@real.example:22"]);
    }

    #[test]
    fn ways_without_end() {
        let yaml = "nodes: { a: { address: 10.0.0.1, jump: b }, b: { address: 10.0.0.2, jump: a } }";
        assert!(matches!(target(yaml, "", "a"), Err(WayError::TooLong(_))));
        let config = "Host *\n ProxyJump gate\n";
        assert!(matches!(target("nodes: { a: { address: x.y } }", config, "a"), Err(WayError::TooLong(_))));
        let config = "Host x.y\n ProxyJump -oProxyCommand=x\n";
        assert!(matches!(target("nodes: { a: { address: x.y } }", config, "a"), Err(WayError::BadProxyJump { .. })));
    }
}
