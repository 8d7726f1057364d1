//! td-inventory from outside: what it says, what it reads, what it must survive.

mod agreement;
mod arbitrary;
mod bounds;
mod effective;
mod errors;
mod errors_across;
mod errors_bytes;
mod models;
mod reading;

use td_inventory::{Inventory, InventoryErrors, Style};

/// Reads a text that has to be good.
fn good(yaml: &str) -> Inventory {
    match Inventory::from_bytes("inventory.yaml", yaml.as_bytes()) {
        Ok(inventory) => inventory,
        Err(errors) => panic!("refused:\n{errors}\n\n{yaml}"),
    }
}

/// Reads bytes that have to be refused.
fn refused(bytes: impl AsRef<[u8]>) -> InventoryErrors {
    match Inventory::from_bytes("inventory.yaml", bytes.as_ref()) {
        Ok(inventory) => panic!("taken: {inventory:?}"),
        Err(errors) => errors,
    }
}

/// What a person sees on a terminal without colours.
fn screen(bytes: impl AsRef<[u8]>) -> String {
    refused(bytes).render(Style { color: false, excerpt: true })
}
