//! What a journal says, as data.
//!
//! Within one major version of the journal ([`super::codec::MAJOR`]) kinds and fields may be added and none may change
//! its meaning: an older td skips kinds that it does not know and fields that it does not know. Whatever an older td
//! must not skip raises the major version, and it then refuses the journal with a sentence.

use serde::{Deserialize, Serialize};
use td_protocol::hash::ContentHash;
use td_protocol::hello::Fingerprint;
use td_protocol::options::RenderOptions;
use td_protocol::probe::ProbeReport;
use td_protocol::rows::Rows;

use super::saved_text::SavedText;

/// One record of a journal. The first is always a [`Record::Job`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    Job(Box<JobRecord>),
    Run(RunRecord),
    Attempt(AttemptRecord),
    Crew(CrewRecord),
    FirstPass(FirstPassRecord),
    Probe(ProbeRecord),
    Complete(CompleteRecord),
    Picture(PictureRecord),
    Output(OutputRecord),
    Seams(SeamsChosen),
    NodeOut(NodeOutRecord),
    Dispute(DisputeRecord),
    Agents(AgentsRecord),
    End(EndRecord),
    /// A kind of a later td of the same major version.
    #[serde(other)]
    Unknown,
}

/// What was asked for, after all settings were read: nothing here depends on an ini file, the environment or the
/// folder that td is typed in. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    pub id: String,
    /// Seconds since 1970.
    pub made: f64,
    /// td's version.
    pub td: String,
    /// [`td_protocol::version::PROTOCOL`].
    pub protocol: u32,
    /// [`td_protocol::version::ENCODER`].
    pub encoder: u32,
    /// The arguments as they were typed: for people.
    pub typed: Vec<SavedText>,
    /// The folder td was typed in: POV-Ray looks for files there, too.
    pub folder: SavedText,
    pub scene: SavedText,
    pub library_paths: Vec<SavedText>,
    /// `--assets`.
    pub assets: Option<SavedText>,
    pub options: RenderOptions,
    /// The picture; `-` is standard output.
    pub output: SavedText,
    /// The file that was there before, and that the user was told would be replaced.
    pub replaces: Option<FileMark>,
    /// `--exact`.
    pub exact: bool,
    pub seams: Option<SeamsRecord>,
    pub agents: AgentsRecord,
    pub stall_timeout: f64,
    pub fresh: bool,
    pub verify_rows: Option<u32>,
}

/// What is to be done where strips would show seams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeamsRecord {
    TwoPass,
    OneNode,
    Allow,
}

/// Which agents were asked for, as on the command line; names of files are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentsRecord {
    /// `--agent`.
    pub agents: Vec<SavedText>,
    /// `-i`.
    pub inventory: Option<SavedText>,
    /// `--slots`, of td's own agent.
    pub slots: Option<u32>,
    /// `--cache`, of td's own agent.
    pub cache: Option<SavedText>,
    /// `--group`, in bits.
    #[serde(default)]
    pub group: Option<u32>,
    /// `--mix-groups`.
    #[serde(default)]
    pub mix_groups: bool,
}

/// Which file it was, so that another one under the same name is told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// Last modification: seconds since 1970 and nanoseconds.
    pub seconds: i64,
    pub nanoseconds: i64,
}

/// A td begins to work on the job: at first, and at each `td resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Seconds since 1970.
    pub at: f64,
    pub pid: u32,
    pub td: String,
}

/// One try with the files known by then. A further one follows when POV-Ray misses a file that td then finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Counts from 0; the segments lie in `segments-N`.
    pub number: u32,
    /// Names that POV-Ray missed and td found, in order.
    pub found: Vec<String>,
    /// The bundle's name.
    pub bundle: ContentHash,
    pub files: Vec<FileRecord>,
}

/// One file of the scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name in the bundle.
    pub name: String,
    pub hash: ContentHash,
    /// Where it lies; empty for what td made itself.
    pub path: SavedText,
}

/// Who draws. Rows of nodes that draw otherwise do not go with the finished ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrewRecord {
    pub fingerprint: Fingerprint,
    pub nodes: Vec<String>,
}

/// Radiosity was saved to the file `radiosity` in the job's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPassRecord {
    pub hash: ContentHash,
    pub size: u64,
}

/// The probe's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Whether this was the probe that tries whether strips are exact; it may be followed by another.
    pub cut: bool,
    pub report: ProbeReport,
}

/// No row is missing; only the picture has to be composed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteRecord {
    /// Seconds since 1970.
    pub at: f64,
}

/// The picture is written and gets its name next. Whether it got it can be seen from the file's marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureRecord {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// A name that it may have for a moment, or was left with by a crash.
    pub temporary: Option<SavedText>,
}

/// `td resume -o`: the picture goes elsewhere from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    pub output: SavedText,
    pub replaces: Option<FileMark>,
}

/// The user was asked what to do about seams, and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeamsChosen {
    pub choice: SeamsRecord,
}

/// A node drew wrong pixels: it takes no part in this job any more, and its rows are not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOutRecord {
    /// Its name, as the rows' maker is made of.
    pub node: String,
    /// For people.
    pub reason: String,
}

/// Nodes drew these rows differently, and nobody there could tell who was right: they are verified before any picture is written.
/// A td that would skip this one reads no journals of major version 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRecord {
    pub rows: Rows,
    /// Who said what they look like.
    pub claims: Vec<ClaimRecord>,
}

/// What one node drew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Its name.
    pub node: String,
    /// Hash of the rows' samples.
    pub picture: ContentHash,
}

/// How a run ended. One that was killed says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndRecord {
    /// Seconds since 1970.
    pub at: f64,
    pub outcome: Outcome,
    /// What the user was told, where it failed.
    pub message: String,
    /// Whether `td resume` can go on with it: the finished rows are kept.
    pub resumable: bool,
    pub rows_done: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed,
    Interrupted,
    Cancelled,
}

/// A job for tests.
#[cfg(test)]
pub(crate) fn example() -> JobRecord {
    use td_protocol::options::FileGamma;
    use td_protocol::pixel::PixelFormat;
    JobRecord {
        id: "0123456789ab".to_owned(),
        made: 1_700_000_000.0,
        td: "0.1.0".to_owned(),
        protocol: 1,
        encoder: 1,
        typed: ["scene.pov", "+W800"].map(SavedText::from).to_vec(),
        folder: SavedText::from("/home/pi"),
        scene: SavedText::from("/home/pi/scene.pov"),
        library_paths: Vec::new(),
        assets: None,
        options: RenderOptions {
            width: 800,
            height: 600,
            rows: Rows::new(0, 600),
            columns: Rows::new(0, 800),
            format: PixelFormat::RGB8,
            file_gamma: FileGamma::Srgb,
            dither: false,
            antialias_method: 0,
            switches: Vec::new(),
        },
        output: SavedText::from("/home/pi/scene.png"),
        replaces: None,
        exact: false,
        seams: None,
        agents: AgentsRecord::default(),
        stall_timeout: 7200.0,
        fresh: false,
        verify_rows: None,
    }
}
