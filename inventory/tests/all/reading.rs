//! `Inventory::read`: the disk's own answers.

use std::path::Path;

use td_inventory::{Inventory, ReadError};

fn said(path: impl AsRef<Path>) -> String {
    match Inventory::read(path) {
        Ok(inventory) => panic!("taken: {inventory:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../inventory.yaml");
    let inventory = Inventory::read(path).expect("the example is good");
    assert_eq!(inventory.notes().file(), path);
}

#[test]
fn no_file() {
    assert_eq!(said("/nowhere/inventory.yaml"), "/nowhere/inventory.yaml: there is no such file");
    assert_eq!(said("/tmp"), "/tmp: is a directory, not a file");
}

/// Something without an end is read up to the bound.
#[test]
fn an_endless_file() {
    assert!(said("/dev/zero").starts_with("/dev/zero:1:1: the file is larger than 1048576 bytes"));
    assert!(matches!(Inventory::read("/dev/null"), Err(ReadError::Refused(_))));
}
