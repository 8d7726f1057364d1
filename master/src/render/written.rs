//! A render as it is written down, and back again.

use std::ffi::OsString;
use std::path::PathBuf;

use td_protocol::version;

use crate::jobs::record::{AttemptRecord, FileRecord, JobRecord, SeamsRecord};
use crate::jobs::{JobId, SavedOutput, SavedText};
use crate::render::groups::GroupWish;
use crate::render::muster::Where;
use crate::render::policy::{SeamsChoice, Wishes};
use crate::render::prepare::{Asked, Prepared};
use crate::render::request::{RenderMethod, RenderRequest};
use crate::schedule::Tuning;

/// What was asked for, with nothing in it that depends on where and when it was typed.
#[must_use]
pub fn job(request: &RenderRequest, prepared: &Prepared, id: &JobId, output: &SavedOutput, now: f64) -> JobRecord {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let absolute = |path: &PathBuf| SavedText::from(folder.join(path).as_os_str());
    let wishes = request.asked.wishes;
    JobRecord {
        id: id.to_string(),
        made: now,
        td: version::TD.to_owned(),
        protocol: version::PROTOCOL,
        encoder: version::ENCODER,
        typed: request.typed.iter().map(SavedText::from).collect(),
        scene: SavedText::from(folder.join(prepared.assets.scene_path()).as_os_str()),
        library_paths: prepared.settings.library_paths.iter().map(absolute).collect(),
        assets: request.asked.assets.as_ref().map(absolute),
        folder: SavedText::from(folder.as_os_str()),
        options: prepared.options().clone(),
        replaces: output.mark(),
        output: output.to_text(),
        exact: wishes.exact,
        seams: wishes.seams.map(SeamsRecord::from),
        agents: request.agents.clone(),
        stall_timeout: request.stall_timeout,
        fresh: request.fresh,
        verify_rows: request.verify_rows,
    }
}

/// What a td that goes on with the job is asked for. `place` comes from [`JobRecord::agents`].
#[must_use]
pub fn request(job: &JobRecord, place: Where) -> RenderRequest {
    let seams = job.seams.map(SeamsChoice::from);
    RenderRequest {
        method: RenderMethod::Td,
        typed: job.typed.iter().map(|text| text.0.clone()).collect::<Vec<OsString>>(),
        asked: Asked {
            povray: Vec::new(),
            output: None,
            assets: job.assets.as_ref().map(SavedText::to_path),
            wishes: Wishes { exact: job.exact, seams },
        },
        agents: job.agents.clone(),
        place,
        groups: GroupWish { word_size: job.agents.group, mix: job.agents.mix_groups },
        stall_timeout: job.stall_timeout,
        fresh: job.fresh,
        verify_rows: job.verify_rows,
        tuning: Tuning::default(),
        may_ask: false,
        verbose: false,
    }
}

/// The files that an attempt renders from.
#[must_use]
pub fn attempt(prepared: &Prepared, number: u32, found: &[String]) -> AttemptRecord {
    let files = prepared.assets.files().into_iter().map(|(file, path)| FileRecord {
        name: file.path,
        hash: file.hash,
        path: SavedText::from(path.as_os_str()),
    });
    AttemptRecord { number, found: found.to_vec(), bundle: prepared.assets.bundle().id(), files: files.collect() }
}

impl From<SeamsChoice> for SeamsRecord {
    fn from(choice: SeamsChoice) -> Self {
        match choice {
            SeamsChoice::TwoPass => Self::TwoPass,
            SeamsChoice::OneNode => Self::OneNode,
            SeamsChoice::Allow => Self::Allow,
        }
    }
}

impl From<SeamsRecord> for SeamsChoice {
    fn from(record: SeamsRecord) -> Self {
        match record {
            SeamsRecord::TwoPass => Self::TwoPass,
            SeamsRecord::OneNode => Self::OneNode,
            SeamsRecord::Allow => Self::Allow,
        }
    }
}
