//! A bundle's way over the share: to its server once, and from there to the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use td_protocol::share::ShareRole;
use tokio::sync::watch;

use crate::fleet::client::Client;
use crate::render::crew::Node;

/// The others wait so long for the server to have the bundle, and some time for each megabyte; then they are sent it.
const PATIENCE: Duration = Duration::from_secs(5);
/// A slow line to the server, and a slow card in it, in bytes per second.
const SLOW: u64 = 1_000_000;

/// Who lays the bundle on the share and who reads it there.
#[derive(Debug, Clone)]
pub struct ThroughShare {
    roles: Arc<HashMap<String, ShareRole>>,
    /// Bytes of the bundle.
    size: u64,
    /// Whether the server is through with it.
    through: Arc<watch::Sender<bool>>,
}

/// Tells the others, when it goes, that there is nothing more to wait for.
#[derive(Debug)]
pub struct Published(Option<Arc<watch::Sender<bool>>>);

impl Drop for Published {
    fn drop(&mut self) {
        if let Some(through) = &self.0 {
            through.send_replace(true);
        }
    }
}

impl ThroughShare {
    /// `None` where none of the nodes is the share's server, or nobody else reads it.
    #[must_use]
    pub fn of(nodes: &[Node], size: u64) -> Option<Self> {
        let role = |node: &Node| Some((node.client.name().to_owned(), node.hello.share?));
        let roles: HashMap<String, ShareRole> = nodes.iter().filter_map(role).collect();
        let has = |wanted| roles.values().any(|role| *role == wanted);
        (has(ShareRole::Publishes) && has(ShareRole::Reads)).then(|| Self {
            roles: Arc::new(roles),
            size,
            through: Arc::new(watch::Sender::new(false)),
        })
    }

    fn is(&self, client: &Client, role: ShareRole) -> bool {
        self.roles.get(client.name()) == Some(&role)
    }

    /// Held while the server gets the bundle.
    #[must_use]
    pub fn until_published(&self, client: &Client) -> Published {
        Published(self.is(client, ShareRole::Publishes).then(|| Arc::clone(&self.through)))
    }

    /// The server lays the bundle on the share, and may render meanwhile. When it cannot, the others are sent the bundle.
    pub fn publish(&self, client: &Client, job: &str, published: Published) {
        if !self.is(client, ShareRole::Publishes) {
            return;
        }
        let (client, job, size) = (client.clone(), job.to_owned(), self.size);
        tokio::spawn(async move {
            if let Err(error) = client.exchange(&job, size).await {
                tracing::warn!("the bundle is not on the share: {error}");
            }
            drop(published);
        });
    }

    /// Another node takes from the share what it misses, once it is there; how many contents came so.
    pub async fn take(&self, client: &Client, job: &str) -> u32 {
        if !self.is(client, ShareRole::Reads) {
            return 0;
        }
        let patience = PATIENCE + Duration::from_secs(self.size / SLOW);
        let mut through = self.through.subscribe();
        if tokio::time::timeout(patience, through.wait_for(|through| *through)).await.is_err() {
            tracing::warn!("the share's server is slow: {} is sent the bundle", client.name());
            return 0;
        }
        match client.exchange(job, self.size).await {
            Ok(shared) => shared.files,
            Err(error) => {
                tracing::warn!("{} does not read the share: {error}", client.name());
                0
            }
        }
    }
}
