//! An inventory of any bytes: read or refused with findings, never a panic; what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use td_inventory::Inventory;

fuzz_target!(|data: &[u8]| match Inventory::from_bytes("inventory.yaml", data) {
    Err(errors) => assert!(!errors.to_string().is_empty()),
    Ok(inventory) => {
        let Ok(text) = inventory.to_yaml() else { return };
        if let Err(errors) = Inventory::from_bytes("again.yaml", text.as_bytes()) {
            panic!("what td wrote is refused: {errors}\n{text}");
        }
    }
});
