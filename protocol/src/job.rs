//! Opening a job on an agent.

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::hash::ContentHash;
use crate::options::RenderOptions;
use crate::rows::Rows;

/// Body of `POST /jobs`. Opening a job that is open already, with the same content, is no error: the answer says
/// what is still missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenJob {
    /// The job's id: letters, digits and `-`, at most 64.
    pub id: String,
    pub bundle: Bundle,
    pub options: RenderOptions,
    /// Whether the same bands are the same pixels in any job: then finished bands of earlier jobs are offered and
    /// those of this one kept. Otherwise they are named with the job's id.
    pub exact: bool,
    /// Whether finished bands that lie on the agent may be used at all.
    pub reuse: bool,
    /// `--fresh`: whoever begins this picture anew. Bands that were finished before the agent first heard this name are
    /// removed, and those since then are this one's own. Letters, digits and `-`, at most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<String>,
    /// A file of the bundle, relative to its root, with saved radiosity that strips load (`+RFI`).
    pub radiosity: Option<String>,
    /// Seconds without any progress, parsing included, after which POV-Ray is stopped.
    pub stall_timeout: f64,
    /// Seconds without a word from the master after which the agent stops this job's POV-Rays.
    pub silence_timeout: f64,
}

/// Answer to `POST /jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobOpened {
    /// Contents of the bundle that the agent does not have; the master sends each with `PUT /blobs/HASH`.
    pub missing: Vec<ContentHash>,
    /// Bands that lie finished in the agent's cache.
    pub finished: Vec<Rows>,
}

/// A refusal, the body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub message: String,
}

/// Why a job is refused beside its bundle. Only hostile or broken masters send such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error("the job's time limits have to be positive numbers of seconds")]
    Timeout,
    #[error("{0:?} cannot be the name of who begins a picture anew")]
    Fresh(String),
    #[error("the job's radiosity file {0:?} is not a file of its bundle")]
    Radiosity(String),
    #[error(transparent)]
    Options(#[from] crate::options::OptionsError),
}

impl OpenJob {
    /// Refuses what would not be a job; the bundle has its own check.
    ///
    /// # Errors
    /// [`JobError`], naming what is wrong.
    pub fn check(&self) -> Result<(), JobError> {
        if !(self.stall_timeout > 0.0 && self.silence_timeout > 0.0) {
            return Err(JobError::Timeout);
        }
        if let Some(name) = self.fresh.as_ref().filter(|name| !is_job_id(name)) {
            return Err(JobError::Fresh(name.clone()));
        }
        if let Some(path) = &self.radiosity
            && !self.bundle.files.iter().any(|file| file.path == *path)
        {
            return Err(JobError::Radiosity(path.clone()));
        }
        Ok(self.options.check()?)
    }
}

/// Whether `id` can be a job's id, and so a part of a file name.
#[must_use]
pub fn is_job_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
