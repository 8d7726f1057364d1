//! Settings from arguments and ini files, without a machine: all files and variables are in the test.

mod options_support;

use options_support::{Files, settings};
use td::options::{FileType, Source, Target};
use td_protocol::options::FileGamma;
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;

const DEBIAN: &str = "Width = 800\nHeight = 600\r\nBounding_Threshold = 3\nDisplay=On\nVerbose=On\n\
    Library_Path=\"/usr/share/povray-3.7\"\nOutput_to_File=true\nOutput_File_Type=N8             ;; (+/-Ftype)\n";

#[test]
fn a_usual_command_line() {
    let settings = settings(&["scene.pov", "+W1600", "+H1200", "+A0.3", "-D", "+Q11", "-P"], &Files::default());
    let options = &settings.options;
    assert_eq!((options.width, options.height), (1600, 1200));
    assert_eq!(options.rows, Rows::new(0, 1200));
    assert_eq!(options.columns, Rows::new(0, 1600));
    assert_eq!(options.format, PixelFormat::RGB8);
    assert_eq!(options.file_gamma, FileGamma::Srgb);
    assert_eq!(options.antialias_method, 1);
    assert_eq!(
        options.switches,
        ["+Q9", "+A0.3", "+AM1", "+R3", "+AG2.5", "+J1", "+MB1", "+BM1", "+UL", "+UV", "+UR", "-SU", "-HR", "+RVP"]
    );
    assert_eq!(settings.scene.as_deref(), Some("scene.pov".as_ref()));
    assert_eq!(settings.notes, ["+Q11: POV-Ray takes 9 for it, the largest value"]);
    assert_eq!(settings.file_type, FileType::Png);
}

#[test]
fn debians_ini_bothers_nobody() {
    let files = Files::default().with("/etc/povray/3.7/povray.ini", DEBIAN);
    let settings = settings(&["scene.pov", "+W200"], &files);
    assert_eq!((settings.options.width, settings.options.height), (200, 600));
    assert!(settings.options.switches.contains(&"+MB3".to_owned()));
    assert_eq!(settings.notes, Vec::<String>::new());
    assert_eq!(settings.library_paths, [std::path::PathBuf::from("/usr/share/povray-3.7")]);
    let height = settings.origins.iter().find(|origin| origin.setting == "Height").unwrap();
    assert_eq!(height.to_string(), "Height=600 (/etc/povray/3.7/povray.ini:2)");
    assert!(matches!(height.from, Source::File { by_itself: true, line: 2, .. }));
}

#[test]
fn formats() {
    let format = |arguments: &[&str]| settings(arguments, &Files::default()).options.format;
    let of = |depth, grey, alpha| PixelFormat { depth, grey, alpha };
    assert_eq!(format(&["+FN16"]), of(Depth::Sixteen, false, false));
    assert_eq!(format(&["+FNg", "+UA"]), of(Depth::Sixteen, true, true));
    assert_eq!(format(&["+FNg", "+FN8"]), of(Depth::Sixteen, true, false));
    assert_eq!(format(&["Grayscale_Output=on"]), of(Depth::Sixteen, true, false));
    assert_eq!(format(&["Bits_Per_Colour=24"]), of(Depth::Sixteen, false, false));
    assert_eq!(format(&["Output_File_Type=N16"]), of(Depth::Eight, false, false));
    assert_eq!(format(&["+FN16", "+FJ"]), of(Depth::Eight, false, false));
    assert_eq!(format(&["+FT", "+UA"]), of(Depth::Eight, false, true));
}

#[test]
fn the_output_is_named_as_in_pov_ray() {
    let target = |arguments: &[&str]| {
        let settings = settings(arguments, &Files::default());
        match settings.output.unwrap().target("sub/s.pov".as_ref(), settings.file_type) {
            Target::File(path) => path.display().to_string(),
            Target::StandardOutput => "stdout".to_owned(),
        }
    };
    // All but the last seen with the real program.
    assert_eq!(target(&["+Oxx"]), "xx.png");
    assert_eq!(target(&["+Oa.jpg"]), "a.jpg.png");
    assert_eq!(target(&["+Osub/"]), "sub/s.png");
    assert_eq!(target(&["+O.png"]), "s.png");
    assert_eq!(target(&["+Ob."]), "b.png");
    assert_eq!(target(&["+Ob.PNG"]), "b.PNG.png");
    assert_eq!(target(&["-ox.png"]), "x.png");
    assert_eq!(target(&["+Ox.jpg", "+FJ"]), "x.jpg");
    assert_eq!(target(&["+O-"]), "stdout");
}

#[test]
fn two_names_for_the_picture() {
    let target = |arguments: &[&str], files: &Files, own: Option<&str>| {
        settings(arguments, files).target(own.map(str::as_ref), "dir/s.pov".as_ref()).map_err(|error| error.to_string())
    };
    let none = Files::default();
    let file = |name: &str| Ok(Target::File(name.into()));
    assert_eq!(target(&["+W4"], &none, None), file("s.png"));
    assert_eq!(target(&["+W4"], &none, Some("x.jpg")), file("x.jpg"));
    assert_eq!(target(&["+W4"], &none, Some("-")), Ok(Target::StandardOutput));
    assert_eq!(target(&["+W4", "+Oy"], &none, None), file("y.png"));
    assert_eq!(
        target(&["+W4", "+Oy"], &none, Some("x.png")),
        Err("-o x.png and +Oy both name the picture; write one of them".to_owned())
    );
    let files = Files::default().with("./povray.ini", "Output_File_Name=z");
    assert_eq!(target(&["+W4"], &files, None), file("z.png"));
    assert_eq!(target(&["+W4"], &files, Some("x.png")), file("x.png"));
}
