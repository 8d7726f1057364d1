//! Where the image goes: checked before anything is rendered, and written so that it appears only when whole.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::Shape;
use super::error::{ComposeError, OutputError};
use super::format::{FormatError, OutputFormat};
use super::partial::{NewPicture, Partial};

/// Where the image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputTarget {
    Stdout,
    File(PathBuf),
}

/// An output that was found good.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    target: OutputTarget,
    format: OutputFormat,
    /// Permissions of the file that is replaced.
    replaces: Option<Permissions>,
}

impl OutputPlan {
    /// PNG to standard output (`-o -`).
    #[must_use]
    pub const fn stdout() -> Self {
        Self { target: OutputTarget::Stdout, format: OutputFormat::Png, replaces: None }
    }

    /// Whether an image can be written to `path` (`-` is standard output), without changing anything. `inputs` are the
    /// scene and all its assets: none of them may be overwritten, under whatever name it is reached.
    ///
    /// # Errors
    /// [`OutputError`], each with what to do.
    pub fn check(path: &Path, inputs: &[PathBuf]) -> Result<Self, OutputError> {
        if path == Path::new("-") {
            return Ok(Self::stdout());
        }
        let named = path.file_name().is_some() && !path.as_os_str().as_bytes().ends_with(b"/");
        if !named && !path.is_dir() {
            return Err(OutputError::NoName { path: path.to_owned() });
        }
        let existing = existing(path)?;
        if let Some(existing) = &existing {
            check_existing(path, existing, inputs)?;
        }
        let format = OutputFormat::from_path(path)?;
        // A link is followed, as every plain tool does: what it points to is replaced, not the link.
        let target = if existing.is_some() {
            std::fs::canonicalize(path).map_err(|source| OutputError::Io { path: path.to_owned(), source })?
        } else {
            path.to_owned()
        };
        check_folder(path, folder_of(&target))?;
        Ok(Self {
            target: OutputTarget::File(target),
            format,
            replaces: existing.map(|existing| existing.permissions()),
        })
    }

    #[must_use]
    pub const fn target(&self) -> &OutputTarget {
        &self.target
    }

    #[must_use]
    pub const fn format(&self) -> OutputFormat {
        self.format
    }

    /// Whether the format can hold such an image; what it cannot keep, as sentences for the user.
    ///
    /// # Errors
    /// [`FormatError`], with what to write instead.
    pub fn check_shape(&self, shape: Shape) -> Result<Vec<String>, FormatError> {
        self.format.check_shape(shape)
    }

    /// What the user should know before the render: that a file will be replaced.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match (&self.target, &self.replaces) {
            (OutputTarget::File(path), Some(_)) => {
                Some(format!("{} exists and will be replaced when the image is whole", path.display()))
            }
            _ => None,
        }
    }

    /// Lets `fill` write the image, and puts it in its place when all is written; `announce` hears of it just before.
    pub(super) fn write(
        &self,
        fill: impl FnOnce(&mut File) -> Result<u64, ComposeError>,
        announce: &mut dyn FnMut(&NewPicture),
    ) -> Result<u64, ComposeError> {
        match &self.target {
            OutputTarget::Stdout => write_to_stdout(fill),
            OutputTarget::File(path) => self.write_to_file(path, fill, announce).map_err(|error| error.at(Some(path))),
        }
    }

    fn write_to_file(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> Result<u64, ComposeError>,
        announce: &mut dyn FnMut(&NewPicture),
    ) -> Result<u64, ComposeError> {
        let mut partial = Partial::create(path).map_err(ComposeError::Write)?;
        if let Some(permissions) = &self.replaces {
            partial.set_permissions(permissions).map_err(ComposeError::Write)?;
        }
        let bytes = fill(partial.file())?;
        partial.publish(announce).map_err(ComposeError::Write)?;
        Ok(bytes)
    }
}

fn write_to_stdout(fill: impl FnOnce(&mut File) -> Result<u64, ComposeError>) -> Result<u64, ComposeError> {
    let mut stdout = io::stdout();
    let written = stdout
        .flush()
        .and_then(|()| stdout.as_fd().try_clone_to_owned())
        .map_err(ComposeError::Write)
        .and_then(|handle| fill(&mut File::from(handle)));
    written.map_err(|error| error.at(None))
}

fn existing(path: &Path) -> Result<Option<Metadata>, OutputError> {
    let io_error = |source| OutputError::Io { path: path.to_owned(), source };
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            Ok(_) => Err(OutputError::DanglingLink { path: path.to_owned() }),
            Err(_) => Ok(None),
        },
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(OutputError::NotAFolder { path: path.to_owned(), folder: folder_of(path).to_owned() })
        }
        Err(error) => Err(io_error(error)),
    }
}

fn check_existing(path: &Path, existing: &Metadata, inputs: &[PathBuf]) -> Result<(), OutputError> {
    let kind = existing.file_type();
    let special = if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if !kind.is_file() {
        Some("a device")
    } else {
        None
    };
    if let Some(kind) = special {
        return Err(OutputError::NotRegular { path: path.to_owned(), kind });
    }
    let same = |input: &&PathBuf| {
        input.metadata().is_ok_and(|input| (input.dev(), input.ino()) == (existing.dev(), existing.ino()))
    };
    if let Some(input) = inputs.iter().find(same) {
        return Err(OutputError::IsAnInput { path: path.to_owned(), input: input.clone() });
    }
    rustix::fs::access(path, Access::WRITE_OK)
        .map_err(|error| OutputError::ReadOnlyFile { path: path.to_owned(), source: error.into() })
}

fn check_folder(path: &Path, folder: &Path) -> Result<(), OutputError> {
    let (path, folder) = (path.to_owned(), folder.to_owned());
    match folder.metadata() {
        Ok(metadata) if !metadata.is_dir() => return Err(OutputError::NotAFolder { path, folder }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OutputError::NoFolder { path, folder });
        }
        Err(source) => return Err(OutputError::Io { path, source }),
    }
    rustix::fs::access(&folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| OutputError::ReadOnlyFolder {
        path,
        folder,
        source: error.into(),
    })
}

/// The folder that `path` lies in; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
