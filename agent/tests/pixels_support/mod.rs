//! Real POV-Ray for tests: renders, and keeps the state file that POV-Ray removes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
        assert!(
            scene.is_file(),
            "{} is missing: apt-get install povray-examples",
            scene.display()
        );
        Self {
            scene,
            text: None,
            args: Vec::new(),
        }
    }

    pub fn text(text: &str) -> Self {
        Self {
            scene: PathBuf::new(),
            text: Some(text.to_owned()),
            args: Vec::new(),
        }
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Renders with one thread. The state file is opened as soon as it is there; held open it stays readable.
    pub fn run(mut self) -> Rendered {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = &self.text {
            self.scene = folder.path().join("scene.pov");
            std::fs::write(&self.scene, text).unwrap();
        }
        let log = folder.path().join("log");
        let png = folder.path().join("out.png");
        let state = folder.path().join("out.pov-state");
        let mut child = Command::new("povray")
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
        let start = Instant::now();
        let mut held = None;
        let status = loop {
            if held.is_none() {
                held = File::open(&state).ok();
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("povray {:?} took longer than {PATIENCE:?}", self.args);
            }
            std::thread::sleep(Duration::from_micros(if held.is_none() {
                500
            } else {
                20_000
            }));
        };
        let told = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(
            status.success(),
            "povray {:?} on {}: {status}\n{told}",
            self.args,
            self.scene.display()
        );
        let mut bytes = Vec::new();
        held.expect("the state file came and went unseen")
            .read_to_end(&mut bytes)
            .unwrap();
        Rendered {
            state: bytes,
            png: std::fs::read(&png).unwrap(),
        }
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
        assert!(
            assembler.wanted().is_empty(),
            "rows are missing: {}",
            assembler.wanted()
        );
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
