//! The real POV-Ray, as the user would call it, against POV-Ray as an agent calls it: an empty ini file and td's list.
//! Without POV-Ray on this machine there is nothing to compare, and the tests say so.

mod options_support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use options_support::{Folder, needs_povray};
use td::options::Settings;
use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::Depth;

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

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("s.pov", SCENE), ("old.pov", OLD_SCENE), ("my.ini", INI), ("empty.ini", "")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Renders in `folder` and gives back the picture's file.
fn povray(folder: &Path, name: &str, arguments: &[String], empty_ini: bool) -> Vec<u8> {
    let mut command = Command::new("timeout");
    command.arg("120").arg("povray").args(arguments).arg(format!("+O{name}")).args(["-D", "+WT1", "-V"]);
    command.current_dir(folder).env("HOME", folder).env_remove("POVINI").env_remove("POVINC");
    if empty_ini {
        command.env("POVINI", folder.join("empty.ini"));
    }
    let run = command.output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    fs::read(folder.join(name)).unwrap()
}

/// As td-agent puts a job's command line together.
fn agents_arguments(options: &RenderOptions, scene: &str) -> Vec<String> {
    let mut list = vec![format!("+I{scene}"), format!("+W{}", options.width), format!("+H{}", options.height)];
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
        if end == 1 { "1.5".to_owned() } else { end.to_string() }
    };
    list.extend([format!("+SR{}", options.rows.start + 1), format!("+ER{}", end(options.rows.end))]);
    list.extend([format!("+SC{}", options.columns.start + 1), format!("+EC{}", end(options.columns.end))]);
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
        chunks.push((kind, if dated { Vec::new() } else { rest[8..8 + length].to_vec() }));
        rest = &rest[12 + length..];
    }
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut samples).unwrap();
    (chunks, samples)
}

fn compare(povs_ini: Option<&str>, line: &str) {
    let folder = folder();
    if let Some(text) = povs_ini {
        fs::write(folder.path().join("povray.ini"), text).unwrap();
    }
    let arguments = line;
    let typed: Vec<String> = line.split(' ').map(|word| word.replace('~', " ")).collect();
    let settings = Settings::from_args(&typed, &Folder(folder.path().to_owned())).unwrap();
    let scene = settings.scene.clone().unwrap().display().to_string();
    let expected = povray(folder.path(), "user.png", &typed, false);
    let ours = povray(folder.path(), "agent.png", &agents_arguments(&settings.options, &scene), true);
    let (expected_chunks, expected_samples) = parts(&expected);
    let (chunks, samples) = parts(&ours);
    assert_eq!(chunks, expected_chunks, "{arguments:?} as {:?}", settings.options);
    let differ = samples.iter().zip(&expected_samples).filter(|(a, b)| a != b).count();
    assert_eq!((differ, samples.len()), (0, expected_samples.len()), "{arguments:?} as {:?}", settings.options);
    assert_eq!(
        samples.len() as u64,
        settings.options.format.row_bytes(settings.options.width) * u64::from(settings.options.height)
    );
}

/// With Debian's own ini file; `~` stands for a blank inside an argument.
const ON_DEBIAN: &str = r#"
s.pov +W61 +H47
s.pov +w61 height=47 -a0.2 +A0.1 +R2 -J
+Is.pov +W61 +H47 +A0.05 +AM2 +R4 +J0.5 +AG1.5
s.pov +W61 +H47 +FN16 +UA File_Gamma=1.8
s.pov +W61 +H47 +FNg File_Gamma=1.0
s.pov +W61 +H47 Grayscale_Output=on Bits_Per_Color=8 +UA
s.pov +W61 +H47 +THB3 +Q8
s.pov +W61 +H47 Dither=on Output_File_Type=N16
s.pov +W61 +H47 +K0.5 Declare=shade=0.1 Declare=shade=0.9 -UR +SU -B
s.pov +W61 +H47 Declare='word="two~words"' +BM2 BSP_MaxDepth=8 BSP_MissChance=0.3
s.pov +W61 +H47 +SR0.3 +ER0.7 +SC1 +EC40.9
s.pov +W61 +H47 +SP16 +EP4 +Q11 +A0.3 +AM7 Antialias_Threshold=3.5
old.pov +W61 +H47 Display_Gamma=1.8 File_Gamma=1.0
old.pov +W61 +H47 +MV3.7 +FN16
old.pov +W61 +H47 Version=3.5 +WT4 +A0.0
"#;

#[test]
fn agents_draw_what_the_user_would_have_drawn() {
    needs_povray();
    for line in ON_DEBIAN.lines().filter(|line| !line.is_empty()) {
        compare(None, line);
    }
    // With one in the folder, which POV-Ray reads instead, and with one that is named.
    compare(Some(INI), "s.pov");
    compare(Some(INI), "s.pov my.ini[small]");
    let library = "Library_Path=/usr/share/povray-3.7/include";
    compare(Some(library), "s.pov my[FINE] Bounding_Threshold=100");
    compare(Some(""), "s.pov");
    let odd = "+w33 +h22 +A0.2 's.pov'; why\nQuality=4 Antialias_Depth=9\n#-A\n";
    compare(Some(odd), "+ua");
}

const PARTS: &str = "+SR0 / +SR1 +ER1 / +SR1 +ER1.5 / +SR1.9 +ER2.9 / +SC1.9 +EC2.9 / +SR0.7 / \
    +ER0.7 / +SC0.1 +EC0.3 / +SC0.7 / +SR20 +ER10 / +SR5 +ER4 / +SR10 +ER1 / \
    +ER30.9 / +SR30 / +SR0.999 / +SR0.99999999 / +SR1e1 +ER20 / +EC0.0250001 / \
    +ER1.0000001 / +ER31 / +SR31 / +ER0 / +SC41 / +EC0.01 / \
    +SR-0.5";

/// Every start and end that is odd, in a white picture: which rows and columns are white?
#[test]
fn parts_are_those_of_pov_ray() {
    needs_povray();
    let folder = folder();
    fs::write(
        folder.path().join("white.pov"),
        "#version 3.7; global_settings { assumed_gamma 1 } background { rgb 1 }",
    )
    .unwrap();
    let refused = |arguments: &[String]| {
        let mut command = Command::new("timeout");
        command.arg("60").arg("povray").args(arguments).args(["+Ono.png", "-D", "-V"]).current_dir(folder.path());
        !command.stderr(Stdio::null()).status().unwrap().success()
    };
    for case in PARTS.split(" / ") {
        let arguments: Vec<String> = format!("white.pov +W40 +H30 {case}").split(' ').map(str::to_owned).collect();
        match Settings::from_args(&arguments, &Folder(folder.path().to_owned())) {
            Err(errors) => assert!(refused(&arguments), "{errors}, but POV-Ray renders it"),
            Ok(settings) => {
                let (_, samples) = parts(&povray(folder.path(), "white.png", &arguments, false));
                for (index, pixel) in (0u32..).zip(samples.chunks(3)) {
                    let (column, row) = (index % 40, index / 40);
                    let rows = settings.options.rows;
                    let columns = settings.options.columns;
                    let drawn = rows.start <= row && row < rows.end && columns.start <= column && column < columns.end;
                    assert_eq!(pixel, if drawn { [255; 3] } else { [0; 3] }, "{case}: column {column}, row {row}");
                }
            }
        }
    }
}
