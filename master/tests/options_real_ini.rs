//! Ini files and switches, as td and as the real POV-Ray understand them: POV-Ray's `+GI` writes down what it understood.

mod options_support;

use std::fs;
use std::path::Path;
use std::process::Command;

use options_support::{Folder, needs_povray};
use td::options::Settings;

const SCENE: &str = "camera { location <0, 1, -4> look_at 0 } light_source { 5 rgb 1 }";

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
    command.current_dir(folder).env("HOME", folder).env("POVINI", folder.join("povray.ini")).env_remove("POVINC");
    let run = command.output().unwrap();
    // It may fail later: POV-Ray keeps blanks behind a scene's name, and finds no such file; td takes them off.
    assert!(dump.exists(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    let ours = ["Width", "Height", "Create_Ini", "Display", "Verbose", "Output_To_File", "Work_Threads", "Include_Ini"];
    let text = fs::read_to_string(dump).unwrap();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches([' ', '"']).replace('"', "").replace("=On", "=on").replace("=Off", "=off"))
        .collect();
    lines.retain(|line| !line.is_empty() && !ours.iter().any(|name| line.starts_with(&format!("{name}="))));
    lines.sort();
    lines
}

#[test]
fn ini_files_mean_what_they_mean_to_pov_ray() {
    needs_povray();
    for (ini, arguments) in [
        ("Quality = 5 ; five\nAntialias=On Jitter=Off\n+R4 +AM2 -J0.5\n", "s.pov"),
        ("[a]\nQuality=1\n[B]\nQuality=2\n+A0.25[c]\nQuality=3\n", "more.ini[b] s.pov"),
        ("[a]\nQuality=1\n[b]\nQuality=2\n", "more[A] s.pov"),
        ("Library_Path=/tmp, \"/usr/my lib\" , /var\nLibrary_Path=/my other lib ; why\n", "s.pov +L/tmp +L/opt"),
        ("'s.pov' +Q3\nmore.ini[x]\nQuality=7 # x\n", "more.ini"),
        ("Input_File_Name = s.pov  \n\nAntialias_Threshold=.5\r\nantialias_depth=\"4\"\r\r\nClock=-2.5\n", ""),
        ("Input_File_Name=my scene.pov\n", ""),
        ("Quality=2, 3 ,4 ; five\nAntialias = t\nJitter=n\nBounding=yes\nSplit_Unions=1\n", "s.pov"),
        ("+Q4 +B;+Q9\n-SU -UL\n", "s.pov"),
        ("#Quality=1\n;Quality=2\n\tQuality=3\n  +MB7", "s.pov"),
        ("Bits_Per_Colour=16 Quality=1\nOutput_Alpha=on # and\nDither=on\n", "s.pov -A0.125 +KI1 +KF2 Final_Clock=3"),
        ("", "s.pov +q4 -a0.5 quality=3 +UA -sf0.5 +STP2 -WL3 +RP1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for name in ["s.pov", "my scene.pov"] {
            fs::write(folder.path().join(name), SCENE).unwrap();
        }
        fs::write(folder.path().join("more.ini"), if ini.contains("more.ini[x]") { "[x]\nQuality=6\n" } else { ini })
            .unwrap();
        let in_chain = !arguments.contains("more");
        fs::write(folder.path().join("povray.ini"), if in_chain || ini.contains("more.ini[x]") { ini } else { "" })
            .unwrap();
        let arguments: Vec<String> = arguments.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let typed: Vec<String> = arguments.iter().cloned().chain(["+W4".to_owned(), "+H4".to_owned()]).collect();
        match Settings::from_args(&typed, &Folder(folder.path().to_owned())) {
            Ok(settings) => {
                let mut ours: Vec<String> = settings
                    .origins
                    .iter()
                    .filter(|origin| origin.from != td::options::Source::Default)
                    .map(|origin| format!("{}={}", origin.setting, origin.value))
                    .filter(|line| !["Width=", "Height="].iter().any(|name| line.starts_with(name)))
                    .collect();
                ours.sort();
                assert_eq!(ours, understood(folder.path(), &arguments), "{ini:?} {arguments:?}");
            }
            Err(errors) => panic!("{ini:?} {arguments:?}: {errors}"),
        }
    }
}
