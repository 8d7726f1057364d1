//! What the cluster is: nodes, hardware models, share. Reads and checks `inventory.yaml`.
//!
//! One inventory file goes in; out comes either an [`Inventory`] in which every node has its effective values, or
//! [`InventoryErrors`]: *all* that is wrong with the file, each with file, line, column, the path of keys and what was
//! expected. Nothing is guessed: a key that nobody knows is an error, because a misspelt `arm_frek` that is silently
//! skipped costs an evening.
//!
//! ```
//! let yaml = b"nodes: { pi110: { address: 192.0.2.110, model: pi1b, slots: 0 } }";
//! let errors = td_inventory::Inventory::from_bytes("inventory.yaml", yaml).unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "inventory.yaml:1:61: nodes.pi110.slots: must be 1 to 64, is 0"
//! );
//! ```
//!
//! # How a file is read
//!
//! 1. `encoding`: bytes to text. UTF-8 only; anything else is named for what it is.
//! 2. `layout`: tabs and control characters, which YAML parsers explain badly.
//! 3. [`yaml`]: text to a tree in which every key and value knows its line and column (anchors, aliases and merge keys
//!    resolved, with a bound). `serde_yaml` forgets positions, so the tree is composed from saphyr-parser's events.
//! 4. `check`: the tree against `keys`, the one table of keys. The JSON Schema ([`schema`]) and the table in
//!    docs/inventory.md ([`table`]) are made from the same table.
//! 5. `cross`: what one key alone cannot tell (two nodes with one address, boot settings on a machine without any).
//! 6. `file`: the tree, now known to be right, becomes typed through `serde_yaml`; `resolve` merges the defaults.
//!
//! Steps 4 and 5 both run to the end, so a user sees every error at once.

mod address;
mod boot;
mod check;
pub mod credentials;
mod cross;
mod encoding;
mod excerpt;
mod file;
mod finding;
pub mod health;
mod hosts;
mod inventory;
mod jump;
mod keys;
mod layout;
mod limits;
mod model;
mod names;
mod quote;
mod read;
mod resolve;
pub mod schema;
mod suggest;
pub mod table;
pub mod yaml;

pub use address::{Address, AddressError};
pub use excerpt::Style;
pub use file::{Become, ClockFrom};
pub use finding::{Finding, Findings, InventoryErrors, Severity, Span};
pub use inventory::{Boot, EmitError, Inventory, Node, PasswordSource, ServerPlace, Share};
pub use jump::{Hop, Jump};
pub use keys::{DEFAULT_AGENT_PORT, DEFAULT_EXPORT, DEFAULT_MOUNT, DEFAULT_SSH_PORT, DEFAULT_UID};
pub use model::{Model, UnknownModel};
pub use read::{MAX_BYTES, ReadError};
