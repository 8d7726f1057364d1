//! Jobs that outlive the master: what is written down while one renders, and what can be done with it afterwards.
//!
//! Each job has a folder, `$XDG_STATE_HOME/td/jobs/ID/`:
//!
//! ```text
//! journal      what was asked for and how far it came: append-only, each record checksummed (codec, record)
//! segments-N   the finished rows, ready to be put into the picture (compose::Spool)
//! radiosity    what the first pass saved, with --two-pass
//! lock         held by the td that works on the job (lock)
//! ```
//!
//! The journal is small and says what cannot be found out again: the settings, the files of the scene and their hashes,
//! which POV-Ray drew, the probe's report. How many rows are finished is read from the segments themselves, so that there
//! is nothing that two files could disagree about. What a kill -9 leaves is therefore always good: [`codec`] cuts a torn
//! tail off the journal, the spool does so for its own file, and [`history`] makes one picture of the records.
//!
//! [`History`] and what follows from it ([`listing::State`], [`changes`], [`retention`]) are free of files and clocks.
//! [`Places`] knows the folders, [`Current`] is the job that this process works on, [`resume`] and [`cancel`] are the two
//! commands that take an old one up.

pub mod cancel;
pub mod changes;
pub mod codec;
mod current;
mod error;
pub mod history;
mod id;
mod journal;
pub mod listing;
pub mod lock;
mod output;
mod owner;
mod places;
pub mod record;
pub mod resume;
pub mod retention;
mod saved_text;
mod table;

pub use current::{Claim, Current, now};
pub use error::JobError;
pub use history::History;
pub use id::{JobId, Prefix};
pub use journal::Journal;
pub use listing::{Entry, State};
pub use output::SavedOutput;
pub use places::Places;
pub use record::Record;
pub use saved_text::SavedText;
pub use table::{json_lines, table_lines};
