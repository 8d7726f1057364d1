//! Real POV-Ray for tests: renders, and keeps the state file that POV-Ray removes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use td_agent::pixels::png_rows::PngRows;
use td_agent::pixels::row_assembly::{Pixel, RowAssembler};
use td_agent::pixels::state_file::StateReader;
use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;

const EXAMPLES: &str = "/usr/share/doc/povray/examples";

/// Longest time that one render may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A render to be made.
pub struct Render {
    scene: PathBuf,
    /// The text of the scene, where it is not an example.
    text: Option<String>,
    args: Vec<String>,
}

/// What POV-Ray left.
pub struct Rendered {
    pub state: Vec<u8>,
    pub png: Vec<u8>,
}

impl Render {
    /// One of the examples, by its path below the folder of examples.
    pub fn example(scene: &str) -> Self {
        let scene = Path::new(EXAMPLES).join(scene);
        assert!(scene.is_file(), "{} is missing: apt-get install povray-examples", scene.display());
        Self { scene, text: None, args: Vec::new() }
    }

    pub fn text(text: &str) -> Self {
        Self { scene: PathBuf::new(), text: Some(text.to_owned()), args: Vec::new() }
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Renders in a folder of its own, with one thread unless the arguments say otherwise.
    pub fn run(self) -> Rendered {
        let folder = tempfile::tempdir().unwrap();
        self.start(folder.path()).finish()
    }

    /// Starts POV-Ray, with its files in `folder`, and opens the state file as soon as it is there.
    pub fn start(mut self, folder: &Path) -> Running {
        if let Some(text) = &self.text {
            self.scene = folder.join("scene.pov");
            std::fs::write(&self.scene, text).unwrap();
        }
        let log = folder.join("log");
        let png = folder.join("out.png");
        let state = folder.join("out.pov-state");
        let child = Command::new("povray")
            .current_dir(self.scene.parent().unwrap())
            .arg(format!("+I{}", self.scene.display()))
            .arg(format!("+O{}", png.display()))
            .args(["-D", "-V", "+WT1"])
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .expect("povray cannot be started: these tests need POV-Ray 3.7 (apt-get install povray povray-includes)");
        let mut running = Running { child, args: self.args, log, png, file: None };
        let start = Instant::now();
        while running.file.is_none() && running.child.try_wait().unwrap().is_none() {
            running.file = File::open(&state).ok();
            assert!(start.elapsed() < PATIENCE, "povray {:?} writes no state file", running.args);
            std::thread::sleep(Duration::from_micros(500));
        }
        running
    }
}

/// A POV-Ray at work.
pub struct Running {
    pub child: Child,
    /// The state file, held open: it stays readable when POV-Ray removes it.
    pub file: Option<File>,
    args: Vec<String>,
    log: PathBuf,
    png: PathBuf,
}

impl Running {
    pub fn finish(mut self) -> Rendered {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("povray {:?} took longer than {PATIENCE:?}", self.args);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let told = std::fs::read_to_string(&self.log).unwrap_or_default();
        assert!(status.success(), "povray {:?}: {status}\n{told}", self.args);
        let mut state = Vec::new();
        let mut file = self.file.expect("the state file came and went unseen");
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut state).unwrap();
        Rendered { state, png: std::fs::read(&self.png).unwrap() }
    }
}

impl Rendered {
    /// The floats of `rows`, each row as wide as the image.
    pub fn float_rows(&self, width: u32, height: u32, rows: Rows, columns: Rows) -> Vec<Pixel> {
        let mut reader = StateReader::new(width, height);
        let mut assembler = RowAssembler::new(width, rows, columns).unwrap();
        let mut pixels = Vec::new();
        for piece in self.state.chunks(10_007) {
            reader.push(piece);
            while let Some(block) = reader.next_block().unwrap() {
                assembler.add(&block).unwrap();
                while let Some(run) = assembler.next_run() {
                    pixels.extend_from_slice(run.pixels());
                }
            }
        }
        assert!(assembler.wanted().is_empty(), "rows are missing: {}", assembler.wanted());
        pixels
    }
}

/// All floats, the format and all samples of a whole image.
pub fn whole_image(rendered: &Rendered) -> (Vec<Pixel>, PixelFormat, Vec<u8>) {
    let mut png = PngRows::open(rendered.png.as_slice()).unwrap();
    let (width, height) = (png.width(), png.height());
    let pixels = rendered.float_rows(width, height, Rows::new(0, height), Rows::new(0, width));
    let mut samples = Vec::new();
    while let Some(row) = png.next_row().unwrap() {
        samples.extend_from_slice(row);
    }
    (pixels, png.format(), samples)
}
