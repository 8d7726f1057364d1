//! `td-provision schema`.

use std::io::{self, Write};

use anyhow::Result;

use crate::output::Outcome;

/// Prints the JSON Schema of inventories.
pub fn print() -> Result<Outcome> {
    let mut out = io::stdout().lock();
    writeln!(out, "{:#}", td_inventory::schema::json_schema())?;
    out.flush()?;
    Ok(Outcome::Done)
}
