//! POV-Ray's ini files and its chain of them.

mod options_support;

use std::path::PathBuf;

use options_support::{Files, settings};
use td::options::{split, switches_page};

fn size(arguments: &[&str], files: &Files) -> (u32, u32) {
    let options = settings(arguments, files).options;
    (options.width, options.height)
}

#[test]
fn only_the_first_of_the_chain_is_read() {
    let files = Files::default().with("/etc/povray.ini", "+W1 +H1");
    assert_eq!(size(&[], &files), (1, 1));
    let files = files.with_variable("HOME", "/home/a").with("/home/a/.povrayrc", "+W2");
    assert_eq!(size(&[], &files), (2, 120));
    let files = files.with("/etc/povray/3.7/povray.ini", "+W3");
    assert_eq!(size(&[], &files), (3, 120));
    let files = files.with("/home/a/.povray/3.7/povray.ini", "+W4");
    assert_eq!(size(&[], &files), (4, 120));
    let files = files.with("./povray.ini", "+W5");
    assert_eq!(size(&[], &files), (5, 120));
    let files = files.with_variable("POVINI", "/tmp/p.ini").with("/tmp/p.ini", "+W6");
    assert_eq!(size(&[], &files), (6, 120));
    let files = files.with_variable("POVINI", "/tmp/missing.ini");
    let settings = settings(&[], &files);
    assert_eq!(settings.options.width, 5);
    assert!(settings.notes[0].starts_with("$POVINI: cannot read /tmp/missing.ini"), "{:?}", settings.notes);
}

#[test]
fn library_paths_in_pov_rays_order() {
    let paths = |settings: td::options::Settings| -> Vec<PathBuf> { settings.library_paths };
    let bare = settings(&["+W4", "+L/b", "c/"], &Files::default().with_variable("POVINC", "/d"));
    assert_eq!(paths(bare), ["/b", "c/", "/usr/share/povray-3.7/include", "/d"].map(PathBuf::from));
    let files =
        Files::default().with("./povray.ini", "Library_Path=/a, \"/with blank\" ,/c\nLibrary_Path=/my files/x ; why\n");
    assert_eq!(
        paths(settings(&["+W4", "+L/a", "+L\"/q r\""], &files)),
        ["/a", "/with blank", "/c", "/my files/x", "/q r"].map(PathBuf::from)
    );
}

#[test]
fn sections_comments_and_several_switches() {
    let text =
        "; comment\n# comment\n+W10 +H20 ; not +W99\n[Small]\n+W1 +H2\n[LARGE]\nWidth = 3 # three\nHeight=\"4\"\n";
    let files = Files::default().with("q.ini", text);
    assert_eq!(size(&["q.ini"], &files), (10, 20));
    assert_eq!(size(&["q.ini[small]"], &files), (1, 2));
    assert_eq!(size(&["q[large]"], &files), (3, 4));
    assert_eq!(size(&["q.ini[small]", "+W7"], &files), (7, 2));
    assert_eq!(size(&["+W7", "q.ini[small]"], &files), (1, 2));
}

#[test]
fn ini_files_name_scenes_and_each_other() {
    let files = Files::default()
        .with("all.ini", "Include_Ini=base.ini[a]\n'my scene.pov' +A0.1\nlib/\n")
        .with("lib/base.ini", "x")
        .with("base.ini", "Input_File_Name=other.pov\n[a]\nWidth=64\nHeight=48\n[b]\nWidth=1\n");
    let settings = settings(&["all.ini"], &files);
    assert_eq!((settings.options.width, settings.options.height), (64, 48));
    assert_eq!(settings.scene, Some("my scene.pov".into()));
    assert_eq!(settings.options.antialias_method, 1);
    assert_eq!(settings.ini_files, ["all.ini", "base.ini"].map(PathBuf::from));
    assert_eq!(settings.library_paths[0], PathBuf::from("lib/"));
}

#[test]
fn an_ini_is_found_in_the_library_paths() {
    let files = Files::default()
        .with("./povray.ini", "Library_Path=/usr/share/povray-3.7/ini\n+W9 +H9")
        .with("/usr/share/povray-3.7/ini/quick.ini", "+Q3 +W5")
        .with("/usr/share/povray-3.7/ini/res.INI", "[x]\n+W6");
    assert_eq!(size(&["quick"], &files), (5, 9));
    assert_eq!(size(&["quick.ini"], &files), (5, 9));
    assert_eq!(size(&["res[x]"], &files), (6, 9));
}

#[test]
fn carriage_returns_marks_and_blanks_at_the_ends() {
    let files = Files::default()
        .with("m.ini", "\u{feff}Width=12 \r\nHeight = 13\t\r\r\n\r\nAntialias = On \n\nInput_File_Name=a b.pov  \n");
    let settings = settings(&["m.ini"], &files);
    assert_eq!((settings.options.width, settings.options.height), (12, 13));
    assert_eq!(settings.scene, Some("a b.pov".into()));
    assert_eq!(settings.notes, Vec::<String>::new());
    let line = |name: &str| settings.origins.iter().find(|origin| origin.setting == name).unwrap().from.to_string();
    assert_eq!(line("Height"), "m.ini:2");
    assert_eq!(line("Antialias"), "m.ini:5");
}

#[test]
fn switches_in_quotes_and_in_one_argument() {
    let given = settings(&["+I\"my scene.pov\" +W8"], &Files::default());
    assert_eq!(given.scene, Some("my scene.pov".into()));
    assert_eq!(given.options.width, 8);
    let given = settings(&["my scene.pov", "+w8", "height=9", "-a0.5"], &Files::default());
    assert_eq!(given.scene, Some("my scene.pov".into()));
    assert_eq!((given.options.width, given.options.height, given.options.antialias_method), (8, 9, 0));
}

#[test]
fn tds_own_arguments_are_taken_out() {
    let words = |text: &str| text.split(' ').map(std::ffi::OsString::from).collect::<Vec<_>>();
    let parts = split(
        words(
            "s.pov --assets dir -i inv.yaml +Iother.pov -o out.png -q -v -h -V -D -q9 -ix.pov -h600 --json --slots=3 -- -o -v",
        ),
        &["assets"],
    );
    assert_eq!(parts.own, words("--assets dir -i inv.yaml -o out.png -q -v -h --json --slots=3"));
    assert_eq!(parts.povray, words("s.pov +Iother.pov -V -D -q9 -ix.pov -h600 -o -v"));
    assert_eq!(split(words("-o"), &[]).own, words("-o"));
}

#[test]
fn the_page_names_each_setting() {
    assert!(switches_page().contains("`Antialias_Threshold`"));
}
