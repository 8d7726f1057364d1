//! The real POV-Ray, as the user would call it, against POV-Ray as an agent calls it: an empty ini file and td's list.
//! Without POV-Ray on this machine there is nothing to compare, and the tests say so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use td::options::{Settings, Surroundings};
use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::Depth;

/// A folder with its files, and the variables of a bare environment.
struct Folder(PathBuf);

impl Surroundings for Folder {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| self.0.display().to_string())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(file))
    }
}

const SCENE: &str = "global_settings { assumed_gamma 1.0 }
#version 3.7;
#ifndef (shade) #declare shade = 0.6; #end
#ifdef (word) #if (strcmp(word, \"two words\") = 0) #declare shade = 0.2; #end #end
camera { location <0, 1.5, -4> look_at <0, 0.3 + clock, 0> right x * image_width / image_height }
light_source { <3, 5, -5> 1 }
sphere { 0, 1 pigment { rgbt <1, shade, 0.1, 0.3> } finish { phong 0.8 } }
plane { y, -1 pigment { checker rgb 1 rgb <0.1, 0.2, 0.3> } finish { reflection 0.2 } }
union { box { -0.2, 0.2 translate <1.4, 0, 0> } sphere { <-1.4, 0, 0>, 0.3 } pigment { granite } }
";

/// Neither assumed_gamma nor a version: POV-Ray's handling of gamma before 3.7.
const OLD_SCENE: &str = "camera { location <0, 1, -4> look_at 0 }
light_source { <3, 5, -5> color rgb 1 }
sphere { 0, 1 pigment { color rgb <1, 0.3, 0.1> } }
";

const INI: &str = "Width=61\nHeight=47\nAntialias=On ; and a comment\nAntialias_Threshold=0.1\nSampling_Method=2\nBounding_Threshold = 3\n\
    Display=On\nVerbose=On\nOutput_File_Type=N8\n[small]\n+W31 +H23 -A\n[fine]\nAntialias_Depth=4\nJitter=off\n";

fn povray_is_here() -> bool {
    let here = Command::new("povray")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !here {
        eprintln!("no povray on this machine: nothing compared");
    }
    here
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("s.pov", SCENE),
        ("old.pov", OLD_SCENE),
        ("my.ini", INI),
        ("empty.ini", ""),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Renders in `folder` and gives back the picture's file.
fn povray(folder: &Path, name: &str, arguments: &[String], empty_ini: bool) -> Vec<u8> {
    let mut command = Command::new("timeout");
    command
        .arg("120")
        .arg("povray")
        .args(arguments)
        .arg(format!("+O{name}"))
        .args(["-D", "+WT1", "-V"]);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("POVINI")
        .env_remove("POVINC");
    if empty_ini {
        command.env("POVINI", folder.join("empty.ini"));
    }
    let run = command.output().unwrap();
    assert!(
        run.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    fs::read(folder.join(name)).unwrap()
}

/// As td-agent puts a job's command line together.
fn agents_arguments(options: &RenderOptions, scene: &str) -> Vec<String> {
    let mut list = vec![
        format!("+I{scene}"),
        format!("+W{}", options.width),
        format!("+H{}", options.height),
    ];
    list.push(match options.format.depth {
        Depth::Eight => "+FN8".to_owned(),
        Depth::Sixteen => "+FN16".to_owned(),
    });
    if options.format.grey {
        list.push("Grayscale_Output=on".to_owned());
    }
    list.push(if options.format.alpha { "+UA" } else { "-UA" }.to_owned());
    list.push(match options.file_gamma {
        FileGamma::Srgb => "File_Gamma=sRGB".to_owned(),
        FileGamma::Power(gamma) => format!("File_Gamma={gamma}"),
    });
    list.push(if options.dither { "+TH" } else { "-TH" }.to_owned());
    list.extend(options.switches.iter().cloned());
    let end = |end: u32| {
        if end == 1 {
            "1.5".to_owned()
        } else {
            end.to_string()
        }
    };
    list.extend([
        format!("+SR{}", options.rows.start + 1),
        format!("+ER{}", end(options.rows.end)),
    ]);
    list.extend([
        format!("+SC{}", options.columns.start + 1),
        format!("+EC{}", end(options.columns.end)),
    ]);
    list
}

/// The chunks before IDAT but for dates, and all samples.
fn parts(png: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let mut chunks = Vec::new();
    let mut rest = &png[8..];
    loop {
        let length = usize::try_from(u32::from_be_bytes(rest[..4].try_into().unwrap())).unwrap();
        let kind = String::from_utf8(rest[4..8].to_vec()).unwrap();
        if kind == "IDAT" {
            break;
        }
        let dated = kind == "tIME" || rest[8..8 + length].starts_with(b"Comment");
        chunks.push((
            kind,
            if dated {
                Vec::new()
            } else {
                rest[8..8 + length].to_vec()
            },
        ));
        rest = &rest[12 + length..];
    }
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut samples).unwrap();
    (chunks, samples)
}

fn compare(povs_ini: Option<&str>, arguments: &[&str]) {
    let folder = folder();
    if let Some(text) = povs_ini {
        fs::write(folder.path().join("povray.ini"), text).unwrap();
    }
    let typed: Vec<String> = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    let settings = Settings::from_args(&typed, &Folder(folder.path().to_owned())).unwrap();
    let scene = settings.scene.clone().unwrap().display().to_string();
    let expected = povray(folder.path(), "user.png", &typed, false);
    let ours = povray(
        folder.path(),
        "agent.png",
        &agents_arguments(&settings.options, &scene),
        true,
    );
    let (expected_chunks, expected_samples) = parts(&expected);
    let (chunks, samples) = parts(&ours);
    assert_eq!(
        chunks, expected_chunks,
        "{arguments:?} as {:?}",
        settings.options
    );
    let differ = samples
        .iter()
        .zip(&expected_samples)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!(
        (differ, samples.len()),
        (0, expected_samples.len()),
        "{arguments:?} as {:?}",
        settings.options
    );
    assert_eq!(
        samples.len() as u64,
        settings.options.format.row_bytes(settings.options.width)
            * u64::from(settings.options.height)
    );
}

#[test]
fn agents_draw_what_the_user_would_have_drawn() {
    if !povray_is_here() {
        return;
    }
    // With Debian's own ini file.
    compare(None, &["s.pov", "+W61", "+H47"]);
    compare(
        None,
        &["s.pov", "+w61", "height=47", "-a0.2", "+A0.1", "+R2", "-J"],
    );
    compare(
        None,
        &[
            "+Is.pov", "+W61", "+H47", "+A0.05", "+AM2", "+R4", "+J0.5", "+AG1.5",
        ],
    );
    compare(
        None,
        &["s.pov", "+W61", "+H47", "+FN16", "+UA", "File_Gamma=1.8"],
    );
    compare(None, &["s.pov", "+W61", "+H47", "+FNg", "File_Gamma=1.0"]);
    compare(
        None,
        &[
            "s.pov",
            "+W61",
            "+H47",
            "Grayscale_Output=on",
            "Bits_Per_Color=8",
            "+UA",
        ],
    );
    compare(None, &["s.pov", "+W61", "+H47", "+THB3", "+Q8"]);
    compare(
        None,
        &["s.pov", "+W61", "+H47", "Dither=on", "Output_File_Type=N16"],
    );
    compare(
        None,
        &[
            "s.pov",
            "+W61",
            "+H47",
            "+K0.5",
            "Declare=shade=0.1",
            "Declare=shade=0.9",
            "-UR",
            "+SU",
            "-B",
        ],
    );
    compare(
        None,
        &[
            "s.pov",
            "+W61",
            "+H47",
            "Declare='word=\"two words\"'",
            "+BM2",
            "BSP_MaxDepth=8",
            "BSP_MissChance=0.3",
        ],
    );
    compare(
        None,
        &[
            "s.pov", "+W61", "+H47", "+SR0.3", "+ER0.7", "+SC1", "+EC40.9",
        ],
    );
    compare(
        None,
        &[
            "s.pov",
            "+W61",
            "+H47",
            "+SP16",
            "+EP4",
            "+Q11",
            "+A0.3",
            "+AM7",
            "Antialias_Threshold=3.5",
        ],
    );
    compare(
        None,
        &[
            "old.pov",
            "+W61",
            "+H47",
            "Display_Gamma=1.8",
            "File_Gamma=1.0",
        ],
    );
    compare(None, &["old.pov", "+W61", "+H47", "+MV3.7", "+FN16"]);
    compare(
        None,
        &["old.pov", "+W61", "+H47", "Version=3.5", "+WT4", "+A0.0"],
    );
    // With one in the folder, which POV-Ray reads instead, and with one that is named.
    compare(Some(INI), &["s.pov"]);
    compare(Some(INI), &["s.pov", "my.ini[small]"]);
    compare(
        Some("Library_Path=/usr/share/povray-3.7/include"),
        &["s.pov", "my[FINE]", "Bounding_Threshold=100"],
    );
    compare(Some(""), &["s.pov"]);
    compare(
        Some("+w33 +h22 +A0.2 's.pov'; why\nQuality=4 Antialias_Depth=9\n#-A\n"),
        &["+ua"],
    );
}

/// Every start and end that is odd, in a white picture: which rows and columns are white?
#[test]
fn parts_are_those_of_pov_ray() {
    if !povray_is_here() {
        return;
    }
    let folder = folder();
    fs::write(
        folder.path().join("white.pov"),
        "#version 3.7; global_settings { assumed_gamma 1 } background { rgb 1 }",
    )
    .unwrap();
    let refused = |arguments: &[String]| {
        let mut command = Command::new("timeout");
        command
            .arg("60")
            .arg("povray")
            .args(arguments)
            .args(["+Ono.png", "-D", "-V"])
            .current_dir(folder.path());
        !command.stderr(Stdio::null()).status().unwrap().success()
    };
    for case in [
        "+SR0",
        "+SR1 +ER1",
        "+SR1 +ER1.5",
        "+SR1.9 +ER2.9",
        "+SC1.9 +EC2.9",
        "+SR0.7",
        "+ER0.7",
        "+SC0.1 +EC0.3",
        "+SC0.7",
        "+SR20 +ER10",
        "+SR5 +ER4",
        "+SR10 +ER1",
        "+ER30.9",
        "+SR30",
        "+SR0.999",
        "+SR0.99999999",
        "+SR1e1 +ER20",
        "+EC0.0250001",
        "+ER1.0000001",
        "+ER31",
        "+SR31",
        "+ER0",
        "+SC41",
        "+EC0.01",
        "+SR-0.5",
    ] {
        let arguments: Vec<String> = format!("white.pov +W40 +H30 {case}")
            .split(' ')
            .map(str::to_owned)
            .collect();
        match Settings::from_args(&arguments, &Folder(folder.path().to_owned())) {
            Err(errors) => assert!(refused(&arguments), "{errors}, but POV-Ray renders it"),
            Ok(settings) => {
                let (_, samples) = parts(&povray(folder.path(), "white.png", &arguments, false));
                for (index, pixel) in (0u32..).zip(samples.chunks(3)) {
                    let (column, row) = (index % 40, index / 40);
                    let rows = settings.options.rows;
                    let columns = settings.options.columns;
                    let drawn = rows.start <= row
                        && row < rows.end
                        && columns.start <= column
                        && column < columns.end;
                    assert_eq!(
                        pixel,
                        if drawn { [255; 3] } else { [0; 3] },
                        "{case}: column {column}, row {row}"
                    );
                }
            }
        }
    }
}

/// `+GI` makes POV-Ray write down what it understood.
fn understood(folder: &Path, arguments: &[String]) -> Vec<String> {
    let dump = folder.join("dump.ini");
    let mut command = Command::new("timeout");
    command
        .arg("60")
        .arg("povray")
        .args(arguments)
        .arg(format!("+GI{}", dump.display()))
        .args(["-D", "-V", "-F", "+W4", "+H4"]);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("POVINI", folder.join("povray.ini"))
        .env_remove("POVINC");
    let run = command.output().unwrap();
    // It may fail later: POV-Ray keeps blanks behind a scene's name, and finds no such file; td takes them off.
    assert!(
        dump.exists(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    let ours = [
        "Width",
        "Height",
        "Create_Ini",
        "Display",
        "Verbose",
        "Output_To_File",
        "Work_Threads",
        "Include_Ini",
    ];
    let text = fs::read_to_string(dump).unwrap();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.trim_end_matches([' ', '"'])
                .replace('"', "")
                .replace("=On", "=on")
                .replace("=Off", "=off")
        })
        .collect();
    lines.retain(|line| {
        !line.is_empty()
            && !ours
                .iter()
                .any(|name| line.starts_with(&format!("{name}=")))
    });
    lines.sort();
    lines
}

#[test]
fn ini_files_mean_what_they_mean_to_pov_ray() {
    if !povray_is_here() {
        return;
    }
    for (ini, arguments) in [
        (
            "Quality = 5 ; five\nAntialias=On Jitter=Off\n+R4 +AM2 -J0.5\n",
            "s.pov",
        ),
        (
            "[a]\nQuality=1\n[B]\nQuality=2\n+A0.25[c]\nQuality=3\n",
            "more.ini[b] s.pov",
        ),
        ("[a]\nQuality=1\n[b]\nQuality=2\n", "more[A] s.pov"),
        (
            "Library_Path=/tmp, \"/usr/my lib\" , /var\nLibrary_Path=/my other lib ; why\n",
            "s.pov +L/tmp +L/opt",
        ),
        ("'s.pov' +Q3\nmore.ini[x]\nQuality=7 # x\n", "more.ini"),
        (
            "Input_File_Name = s.pov  \n\nAntialias_Threshold=.5\r\nantialias_depth=\"4\"\r\r\nClock=-2.5\n",
            "",
        ),
        ("Input_File_Name=my scene.pov\n", ""),
        (
            "Quality=2, 3 ,4 ; five\nAntialias = t\nJitter=n\nBounding=yes\nSplit_Unions=1\n",
            "s.pov",
        ),
        ("+Q4 +B;+Q9\n-SU -UL\n", "s.pov"),
        ("#Quality=1\n;Quality=2\n\tQuality=3\n  +MB7", "s.pov"),
        (
            "Bits_Per_Colour=16 Quality=1\nOutput_Alpha=on # and\nDither=on\n",
            "s.pov -A0.125 +KI1 +KF2 Final_Clock=3",
        ),
        ("", "s.pov +q4 -a0.5 quality=3 +UA -sf0.5 +STP2 -WL3 +RP1"),
    ] {
        let folder = folder();
        fs::write(
            folder.path().join("more.ini"),
            if ini.contains("more.ini[x]") {
                "[x]\nQuality=6\n"
            } else {
                ini
            },
        )
        .unwrap();
        fs::write(folder.path().join("my scene.pov"), OLD_SCENE).unwrap();
        let in_chain = !arguments.contains("more");
        fs::write(
            folder.path().join("povray.ini"),
            if in_chain || ini.contains("more.ini[x]") {
                ini
            } else {
                ""
            },
        )
        .unwrap();
        let arguments: Vec<String> = arguments
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let typed: Vec<String> = arguments
            .iter()
            .cloned()
            .chain(["+W4".to_owned(), "+H4".to_owned()])
            .collect();
        match Settings::from_args(&typed, &Folder(folder.path().to_owned())) {
            Ok(settings) => {
                let mut ours: Vec<String> = settings
                    .origins
                    .iter()
                    .filter(|origin| origin.from != td::options::Source::Default)
                    .map(|origin| format!("{}={}", origin.setting, origin.value))
                    .filter(|line| {
                        !["Width=", "Height="]
                            .iter()
                            .any(|name| line.starts_with(name))
                    })
                    .collect();
                ours.sort();
                assert_eq!(
                    ours,
                    understood(folder.path(), &arguments),
                    "{ini:?} {arguments:?}"
                );
            }
            Err(errors) => panic!("{ini:?} {arguments:?}: {errors}"),
        }
    }
}
