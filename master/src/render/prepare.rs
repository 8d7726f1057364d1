//! Before anything is rendered: settings, scene, files, class, output. Shared by `td render` and `td plan`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use td_protocol::options::RenderOptions;
use td_protocol::strip::WorkingGamma;

use crate::compose::{OutputPlan, Shape};
use crate::jobs::SavedText;
use crate::jobs::record::JobRecord;
use crate::options::{FileType, Settings, Target, ThisMachine, default_name, scene_candidates};
use crate::render::failure::RenderError;
use crate::render::policy::{SeamsChoice, Wishes};
use crate::scene::{Assets, AssumedGamma, ClassFlags, Note, SceneRequest, Verdict, classify};

/// What the user asked for, beside POV-Ray's own options.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// POV-Ray's part of the arguments.
    pub povray: Vec<OsString>,
    /// td's own `-o`.
    pub output: Option<PathBuf>,
    pub assets: Option<PathBuf>,
    pub wishes: Wishes,
}

/// A job that could be rendered.
#[derive(Debug)]
pub struct Prepared {
    pub settings: Settings,
    pub assets: Assets,
    pub verdict: Verdict,
    pub shape: Shape,
    pub output: OutputPlan,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Prepared {
    /// Reads and checks everything; touches nothing.
    ///
    /// # Errors
    /// The first kind of thing that is wrong, with all of that kind.
    pub fn new(asked: &Asked) -> Result<Self, RenderError> {
        let mut settings = Settings::from_args(&asked.povray, &ThisMachine)?;
        if settings.options.columns.is_empty() {
            // No column is no row: POV-Ray writes a black picture for either.
            let options = &mut settings.options;
            options.rows.end = options.rows.start;
            options.columns = td_protocol::rows::Rows::new(0, options.width);
        }
        let scene = find_scene(&settings)?;
        let mut request = SceneRequest::new(scene.clone());
        request.library_paths = settings.library_paths.iter().map(|path| request.typed_in.join(path)).collect();
        request.assets_dir = asked.assets.clone();
        let assets = Assets::gather(&request)?;
        let path = output_path(asked.output.as_deref(), &settings, &scene)?;
        Self::of(settings, assets, &path, asked.assets.is_some(), asked.wishes)
    }

    /// A job that was written down, with the names that were found by trial then. Its settings are what they were: no ini
    /// file and no environment is read again. The scene and its files are.
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn again(job: &JobRecord, found: &[String]) -> Result<Self, RenderError> {
        let mut request = SceneRequest::new(job.scene.to_path());
        request.typed_in = job.folder.to_path();
        request.library_paths = job.library_paths.iter().map(SavedText::to_path).collect();
        request.assets_dir = job.assets.as_ref().map(SavedText::to_path);
        let settings = Settings {
            options: job.options.clone(),
            scene: Some(job.scene.to_path()),
            library_paths: request.library_paths.clone(),
            output: None,
            file_type: FileType::default(),
            jpeg_quality: None,
            warning_level: 0,
            declares: Vec::new(),
            ini_files: Vec::new(),
            notes: Vec::new(),
            origins: Vec::new(),
        };
        let mut assets = Assets::gather(&request)?;
        for name in found {
            assets.add_missing(name)?;
        }
        let wishes = Wishes { exact: job.exact, seams: job.seams.map(SeamsChoice::from) };
        Self::of(settings, assets, job.output.path(), job.assets.is_some(), wishes)
    }

    fn of(
        settings: Settings,
        assets: Assets,
        output: &Path,
        all_assets: bool,
        wishes: Wishes,
    ) -> Result<Self, RenderError> {
        let inputs: Vec<PathBuf> = assets.paths().map(Path::to_owned).collect();
        let output = OutputPlan::check(output, &inputs)?;
        let options = &settings.options;
        let shape = Shape { width: options.width, height: options.height, format: options.format };
        let mut notes = settings.notes.clone();
        let asks = |note: &Note| matches!(note, Note::Asks { .. });
        let told = assets.notes().into_iter().filter(|note| !all_assets || !asks(note));
        notes.extend(told.map(|note| note.to_string()));
        notes.extend(output.check_shape(shape)?);
        notes.extend(output.note());
        let flags = ClassFlags { two_pass: wishes.seams == Some(SeamsChoice::TwoPass) };
        let verdict = classify(&assets, options, flags);
        Ok(Self { settings, assets, verdict, shape, output, notes })
    }

    #[must_use]
    pub fn options(&self) -> &RenderOptions {
        &self.settings.options
    }

    /// What the scene's text names as its working gamma, as candidates for the probe.
    #[must_use]
    pub fn gammas(&self) -> Vec<WorkingGamma> {
        let named = self.verdict.assumed_gammas.iter().map(|gamma| match gamma {
            AssumedGamma::Value(value) => WorkingGamma::Power(*value),
            AssumedGamma::Srgb => WorkingGamma::Srgb,
        });
        let mut gammas: Vec<WorkingGamma> = named.collect();
        if gammas.is_empty() {
            // Without assumed_gamma, #version decides; the probe tells which it was.
            gammas.extend([WorkingGamma::Off, WorkingGamma::Power(1.0)]);
        }
        gammas
    }
}

fn find_scene(settings: &Settings) -> Result<PathBuf, RenderError> {
    let Some(named) = &settings.scene else {
        return Err(RenderError::Usage("no scene was named: td render SCENE.pov [+W640 +H480 ...]".to_owned()));
    };
    let existing = scene_candidates(named).into_iter().find(|path| path.exists());
    Ok(existing.unwrap_or_else(|| named.clone()))
}

fn output_path(own: Option<&Path>, settings: &Settings, scene: &Path) -> Result<PathBuf, RenderError> {
    match (own, &settings.output) {
        (Some(own), Some(other)) => Err(RenderError::Usage(format!(
            "the picture was named twice, by -o {} and by +O{}: leave one out",
            own.display(),
            other.0
        ))),
        (Some(own), None) => Ok(own.to_owned()),
        (None, Some(named)) => Ok(match named.target(scene, settings.file_type) {
            Target::File(path) => path,
            Target::StandardOutput => PathBuf::from("-"),
        }),
        (None, None) => Ok(default_name(scene, settings.file_type)),
    }
}
