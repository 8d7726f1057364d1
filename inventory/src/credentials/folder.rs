//! The folder of one cluster's certificates.

use std::path::{Path, PathBuf};

use super::error::CredentialsError;

/// Where one cluster's certificates lie on the master. Whether they are there is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFolder {
    path: PathBuf,
    /// The inventory as the user typed it, for commands in messages.
    inventory: String,
}

impl ClusterFolder {
    /// The folder of the cluster with this name (as in the inventory, so one word) in the user's configuration.
    /// `inventory` is how the user named the inventory's file; messages repeat it.
    ///
    /// # Errors
    /// [`CredentialsError::NoHome`] where neither `XDG_CONFIG_HOME` nor `HOME` is an absolute path.
    pub fn of(cluster: &str, inventory: &Path) -> Result<Self, CredentialsError> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let base = base.ok_or(CredentialsError::NoHome)?;
        Ok(Self::at(base.join("td/clusters").join(cluster), inventory))
    }

    /// A folder that lies elsewhere.
    #[must_use]
    pub fn at(path: PathBuf, inventory: &Path) -> Self {
        Self { path, inventory: inventory.display().to_string() }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The CA's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.path.join("ca.pem")
    }

    /// The CA's key: only `td-provision certs` needs it.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.path.join("ca.key")
    }

    /// The master's certificate.
    #[must_use]
    pub fn master(&self) -> PathBuf {
        self.path.join("master.pem")
    }

    /// The master's key.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The folder of the nodes' certificates.
    #[must_use]
    pub fn nodes(&self) -> PathBuf {
        self.path.join("nodes")
    }

    /// The certificate of the node with this name. Host names do not know upper and lower case; files do.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        self.nodes().join(format!("{}.pem", name.to_ascii_lowercase()))
    }

    /// The key of the node with this name.
    #[must_use]
    pub fn node_key(&self, name: &str) -> PathBuf {
        self.nodes().join(format!("{}.key", name.to_ascii_lowercase()))
    }

    /// What makes CA and master's certificate.
    #[must_use]
    pub fn init_command(&self) -> String {
        format!("td-provision certs init -i {}", self.inventory)
    }

    /// What makes the nodes' certificates.
    #[must_use]
    pub fn issue_command(&self) -> String {
        format!("td-provision certs issue -i {}", self.inventory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_fixed_names() {
        let folder = ClusterFolder::at("/c/paper".into(), Path::new("lab.yaml"));
        assert_eq!(folder.master_key(), Path::new("/c/paper/master.key"));
        assert_eq!(folder.node("Pi110.Lan"), Path::new("/c/paper/nodes/pi110.lan.pem"));
        assert_eq!(folder.node_key("pi110"), Path::new("/c/paper/nodes/pi110.key"));
        assert_eq!(folder.init_command(), "td-provision certs init -i lab.yaml");
    }
}
