//! `td-agent probe --textfile DIR`: the last probe's and this moment's facts, for node_exporter's textfile collector.

use std::path::Path;

use td_protocol::health::metrics::{self, Labels};
use td_protocol::health::{self, Report};
use td_protocol::version;

use super::look::{self, boot};
use super::root::Root;
use super::{kept, probe};
use crate::cli;

/// The collector reads files that end so.
const FILE: &str = "td.prom";
/// Where the service has its cache.
const CACHE: &str = "/var/lib/td/cache";

/// Writes the file in one step: the collector must never see half of it.
///
/// # Errors
/// A sentence, when it cannot be written.
pub fn write(options: &cli::Probe, folder: &Path) -> Result<(), String> {
    let root = Root::new(&options.root);
    let probed = kept::read(&root).ok();
    let report = Report {
        version: health::VERSION,
        td: version::TD.to_owned(),
        clock: Some(boot::date()),
        look: look::look(&root, &root.path(CACHE)),
        probed,
        // No ages: they would be those of the moment of writing for as long as the file lies there, and so never old. What
        // tells of a probe that has stopped is when it last ran.
        ..Report::default()
    };
    let path = folder.join(FILE);
    probe::replace(&path, metrics::encode(&[&report], Labels::Plain).as_bytes(), 0o644)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
