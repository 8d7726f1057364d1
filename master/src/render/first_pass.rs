//! Radiosity in two passes: one agent saves the samples of a pass over the whole, all strips load them.

use std::sync::Arc;

use td_protocol::bundle::BundleFile;
use td_protocol::hash::ContentHash;
use td_protocol::job::OpenJob;
use td_protocol::probe::{FirstPassEvent, StartFirstPass};

use crate::fleet::client::{AgentError, Client};
use crate::fleet::words;
use crate::render::failure::RenderError;
use crate::render::kept_open::KeptOpen;
use crate::render::opening::{self, Contents};

/// The file's name in the bundle's run folder.
const FILE: &str = "td-radiosity.rca";
/// Largest file that is taken, in bytes.
const MOST_BYTES: usize = 512 << 20;

/// Runs the first pass on `client`'s agent and puts the saved file into the job's bundle.
///
/// # Errors
/// When the agent is lost or POV-Ray saves nothing.
pub async fn run(client: &Client, spec: &mut OpenJob, contents: &mut Contents<'_>) -> Result<f64, RenderError> {
    let _open = KeptOpen::on([client.clone()], &spec.id);
    opening::open(client, spec, &contents.parcel(&spec.bundle), 0).await?;
    // The full size: a smaller view takes fewer samples, and the picture strays further from one made in one go.
    let start = StartFirstPass { width: spec.options.width, height: spec.options.height };
    let mut frames = client.start_first_pass(&spec.id, &start).await?;
    let garbage = |reason: &str| AgentError::Garbage { agent: client.name().to_owned(), reason: reason.to_owned() };
    let mut bytes = Vec::new();
    let cpu = loop {
        match frames.next::<FirstPassEvent>().await? {
            Some((FirstPassEvent::Alive, _)) => {}
            Some((FirstPassEvent::Piece, piece)) => {
                bytes.extend_from_slice(&piece);
                if bytes.len() > MOST_BYTES {
                    return Err(garbage("a radiosity file without an end").into());
                }
            }
            Some((FirstPassEvent::Done { cpu }, _)) => break cpu,
            Some((FirstPassEvent::Failed { message, povray, .. }, _)) => {
                let (message, povray) = (words::plain(&message), words::lines(&povray));
                return Err(RenderError::Povray(format!("the first pass failed: {message}\n{povray}")));
            }
            None => return Err(garbage("the first pass ended early").into()),
        }
    };
    client.close_job(&spec.id).await?;
    adopt(spec, contents, Arc::from(bytes));
    Ok(cpu)
}

/// Puts a saved file into the job's bundle; its strips load it.
pub fn adopt(spec: &mut OpenJob, contents: &mut Contents<'_>, bytes: Arc<[u8]>) {
    let hash = ContentHash::of(&bytes);
    let bundle = &mut spec.bundle;
    let path = if bundle.run_dir.is_empty() { FILE.to_owned() } else { format!("{}/{FILE}", bundle.run_dir) };
    bundle.files.retain(|file| file.path != path);
    bundle.files.push(BundleFile { path: path.clone(), hash, size: bytes.len() as u64 });
    bundle.files.sort_by(|a, b| a.path.cmp(&b.path));
    spec.radiosity = Some(path);
    contents.made = Some((hash, bytes));
}
