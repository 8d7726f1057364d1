//! What a node is like when it is switched on for the first time.

use std::time::Duration;

/// A node's hardware, and its card as just flashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    cores: Option<f64>,
    memory: u32,
    megabits: u32,
    sudo_asks: bool,
    key: bool,
    proxy: bool,
    model: String,
    name: String,
    own_kernel: bool,
}

impl Default for Fresh {
    fn default() -> Self {
        Self::new()
    }
}

impl Fresh {
    /// A Raspberry Pi 1: user pi with a key and sudo without a password. As fast as this machine.
    pub fn new() -> Self {
        Self {
            cores: None,
            memory: 512,
            megabits: 0,
            sudo_asks: false,
            key: true,
            proxy: true,
            model: "Raspberry Pi Model B Rev 2".to_owned(),
            name: "raspberrypi".to_owned(),
            own_kernel: false,
        }
    }

    /// Limits it to so many cores, for example 0.2.
    pub fn cores(mut self, cores: f64) -> Self {
        self.cores = Some(cores);
        self
    }

    /// Its memory in MiB.
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory = mib;
        self
    }

    /// Its network, in Mbit/s each way.
    pub fn network(mut self, megabits: u32) -> Self {
        self.megabits = megabits;
        self
    }

    /// sudo asks for the password.
    pub fn sudo_asks(mut self) -> Self {
        self.sudo_asks = true;
        self
    }

    /// No key is installed; the password is the only way in.
    pub fn no_key(mut self) -> Self {
        self.key = false;
        self
    }

    /// apt knows no proxy, so it reaches no mirror until it is told one.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// Its model as the device tree says it; empty for a machine that is no Pi.
    pub fn model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.model);
        self
    }

    /// Its host name.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// A kernel of its own (User Mode Linux): real NFS, a real FAT for `/boot/firmware`; no device tree. Minutes instead of
    /// seconds. Of the other wishes, those for cores and memory hold.
    pub fn own_kernel(mut self) -> Self {
        self.own_kernel = true;
        self
    }

    /// The script that makes it.
    pub(super) fn script(&self) -> &'static str {
        if self.own_kernel { "uml.sh" } else { "node.sh" }
    }

    /// How long its boot may take; seconds are usual, and a minute with a kernel of its own.
    pub(super) fn boot(&self) -> Duration {
        Duration::from_secs(if self.own_kernel { 400 } else { 120 })
    }

    /// As node.sh wants it.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CPU", self.cores.unwrap_or(0.0).to_string()),
            ("MEM", self.memory.to_string()),
            ("MBIT", self.megabits.to_string()),
            ("SUDO", if self.sudo_asks { "password" } else { "" }.to_owned()),
            ("PIKEY", if self.key { "" } else { "no" }.to_owned()),
            ("PROXY", if self.proxy { "" } else { "no" }.to_owned()),
            ("MODEL", self.model.clone()),
            ("NAME", self.name.clone()),
        ]
    }
}
