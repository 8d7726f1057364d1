//! Gathering a scene's files: what is found, where it is laid, what is refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use td::scene::{Assets, FailureKind, SceneError, SceneRequest, Source, read_failure};
use tempfile::TempDir;

struct Home {
    dir: TempDir,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = Self { dir: TempDir::new().unwrap() };
        for (name, text) in files {
            home.write(name, text);
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn request(&self, scene: &str) -> SceneRequest {
        SceneRequest {
            scene: scene.into(),
            typed_in: self.path(""),
            library_paths: Vec::new(),
            assets_dir: None,
            standard: vec![self.path("std")],
        }
    }

    fn gather(&self, scene: &str) -> Assets {
        let assets = Assets::gather(&self.request(scene)).unwrap();
        assets.bundle().check().unwrap();
        assets
    }
}

fn names(assets: &Assets) -> Vec<String> {
    assets.bundle().files.into_iter().map(|file| file.path).collect()
}

fn content(assets: &Assets, name: &str) -> String {
    let file = assets.bundle().files.into_iter().find(|file| file.path == name).unwrap();
    match assets.source(file.hash).unwrap() {
        Source::File(path) => fs::read_to_string(path).unwrap(),
        Source::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

#[test]
fn the_scenes_own_folder_comes_first_and_td_says_so() {
    let home = Home::new(&[
        ("s/a.pov", "#include \"x\"\n#include \"same.inc\" #include \"std.inc\" text { ttf \"font\" \"Hi\" 1, 0 }"),
        ("s/x.inc", "#declare A = pigment { image_map { png \"maps/m\" } }"),
        ("x.inc", "// other"),
        ("s/same.inc", "1"),
        ("same.inc", "1"),
        ("maps/m.png", "PNG"),
        ("font.ttf", "TTF"),
        ("std/std.inc", "#declare B = 1;"),
        ("unused.inc", ""),
    ]);
    let assets = home.gather("s/a.pov");
    assert_eq!(names(&assets), ["a.pov", "font.ttf", "maps/m.png", "same.inc", "x.inc"]);
    assert_eq!(content(&assets, "x.inc"), fs::read_to_string(home.path("s/x.inc")).unwrap());
    let notes: Vec<String> = assets.notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("s/x.inc, not the different"), "{notes:?}");
    assert_eq!(assets.original("maps/m.png"), Some(home.path("maps/m.png")));
    assert_eq!(assets.original("a.pov"), Some(home.path("s/a.pov")));
    assert_eq!(assets.original("/scratch/17/maps/m.png"), Some(home.path("maps/m.png")));
}

#[test]
fn names_that_climb_put_the_root_higher() {
    let home = Home::new(&[
        (
            "p/scenes/deep/a.pov",
            "#include \"../../lib/wood.inc\"\n#include \"../../scenes/b.inc\" #include \"q/../c.inc\"",
        ),
        ("p/lib/wood.inc", "#include \"../other.inc\""),
        ("p/scenes/other.inc", ""),
        ("p/scenes/b.inc", ""),
        ("p/scenes/deep/c.inc", ""),
        ("p/scenes/deep/q/z", ""),
    ]);
    let assets = home.gather("p/scenes/deep/a.pov");
    let bundle = assets.bundle();
    assert_eq!(bundle.run_dir, "scenes/deep");
    assert_eq!(
        names(&assets),
        [
            "lib/wood.inc",
            "scenes/b.inc",
            "scenes/deep/a.pov",
            "scenes/deep/c.inc",
            "scenes/deep/q/.td-keep",
            "scenes/other.inc"
        ]
    );
    assert_eq!(assets.original("../../lib/wood.inc"), Some(home.path("p/lib/wood.inc")));
}

#[test]
fn absolute_names_are_mapped_and_lines_kept() {
    let home = Home::new(&[("x/m.png", "PNG"), ("x/more/n.png", "N"), ("x/i.inc", "sphere { 0, 1 }")]);
    let at = home.path("x");
    let text = format!(
        "// \"{0}/m.png\"\n#include \"{0}/i\"\npigment {{ image_map {{ png \"{0}/m.png\" }} }}\n#declare F = concat(\"{0}/more/\", \"n.png\");\ntext {{ ttf \"f\" \"/\" 1, 0 }}\n",
        at.display()
    );
    home.write("s/a.pov", &text);
    let mut assets = home.gather("s/a.pov");
    assert_eq!(names(&assets), ["a.pov", "td-abs/0/i.inc", "td-abs/0/m.png"]);
    let copy = content(&assets, "a.pov");
    assert_eq!(copy.lines().count(), text.lines().count());
    assert!(copy.contains("#include \"td-abs/0/i\"") && copy.contains("concat(\"td-abs/1/\", \"n.png\")"), "{copy}");
    assert!(copy.starts_with("// \"/") && copy.contains("\"f\" \"/\" 1"), "{copy}");
    assert!(assets.add_missing("td-abs/1/n.png").unwrap());
    assert_eq!(assets.original("td-abs/1/n.png"), Some(home.path("x/more/n.png")));
    assets.bundle().check().unwrap();
    assert!(matches!(assets.add_missing("/no/where.png"), Err(SceneError::AbsoluteComputed { .. })));
}

#[test]
fn by_trial() {
    let home = Home::new(&[
        ("a.pov", "#include concat(\"par\", \"t.inc\")"),
        ("part.inc", "#include \"deeper.inc\""),
        ("deeper.inc", ""),
        ("Wood.inc", ""),
        ("std/colors.inc", ""),
    ]);
    let mut assets = home.gather("a.pov");
    assert_eq!(names(&assets), ["a.pov"]);
    assert!(assets.add_missing("part.inc").unwrap());
    assert_eq!(names(&assets), ["a.pov", "deeper.inc", "part.inc"]);
    assert!(!assets.add_missing("part.inc").unwrap(), "a second time nothing is new");
    assert!(assets.add_missing("colors.inc").unwrap(), "POV-Ray's own, for a node without includes");
    let error = assets.add_missing("wood.inc").unwrap_err().to_string();
    assert!(error.contains("Wood.inc: upper and lower case differ") && error.contains("searched:"), "{error}");
}

#[test]
fn assets_folder() {
    let home = Home::new(&[
        ("a.pov", "#if (file_exists(concat(\"m\", \"1.png\"))) #end"),
        ("tex/m1.png", "1"),
        ("tex/sub/t.inc", "#include \"lib.inc\""),
        ("lib.inc", ""),
    ]);
    symlink(home.path("tex"), home.path("tex/sub/loop")).unwrap();
    symlink(home.path("tex/m1.png"), home.path("tex/m2.png")).unwrap();
    symlink("nowhere", home.path("tex/dangling")).unwrap();
    let request = SceneRequest { assets_dir: Some("tex".into()), ..home.request("a.pov") };
    let assets = Assets::gather(&request).unwrap();
    assert_eq!(names(&assets), ["a.pov", "lib.inc", "m1.png", "m2.png", "sub/t.inc"]);
    assert_eq!(content(&assets, "m2.png"), "1");
    let request = SceneRequest { assets_dir: Some("a.pov".into()), ..request };
    assert!(Assets::gather(&request).unwrap_err().to_string().contains("this is not a folder"));
}

#[test]
fn povrays_own_files_come_before_library_paths() {
    let home = Home::new(&[
        ("s/a.pov", "#include \"colors.inc\" #include \"mine.inc\""),
        ("std/colors.inc", "1"),
        ("lib/colors.inc", "2"),
        ("lib/mine.inc", ""),
    ]);
    let request = SceneRequest { library_paths: vec!["lib".into()], ..home.request("s/a.pov") };
    let assets = Assets::gather(&request).unwrap();
    assert_eq!(names(&assets), ["a.pov", "mine.inc"]);
    assert!(assets.notes()[0].to_string().contains("comes before library paths"));
}

#[test]
fn includes_in_circles_and_equal_contents() {
    let home = Home::new(&[
        ("a.pov", "#include \"b.inc\""),
        ("b.inc", "#include \"a.pov\" #include \"b.inc\" #include \"c.inc\""),
        ("c.inc", "#include \"b.inc\" #include \"a.pov\" #include \"nope.inc\""),
    ]);
    let assets = home.gather("a.pov");
    assert_eq!(names(&assets), ["a.pov", "b.inc", "c.inc"]);
    let missing = assets.missing();
    assert_eq!((missing[0].name.as_str(), missing[0].named.as_str()), ("nope.inc", "c.inc:1"));
    assert_eq!(assets.bundle().id(), home.gather("a.pov").bundle().id());
}

#[test]
fn what_is_no_scene_is_refused() {
    let home = Home::new(&[("empty.pov", " \n"), ("dir.pov/x", ""), ("bin.pov", "\u{0}\u{1}x"), ("Case.pov", "x")]);
    fs::write(home.path("wide.pov"), b"\xff\xfes\0").unwrap();
    let fifo = home.path("fifo.pov");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (scene, text) in [
        ("empty.pov", "the scene is empty"),
        ("dir.pov", "this is a folder"),
        ("bin.pov", "this is not a text"),
        ("wide.pov", "UTF-16"),
        ("fifo.pov", "a pipe (FIFO)"),
        ("/dev/null", "a device"),
        ("case.pov", "Case.pov: upper and lower case differ"),
        ("none.pov", "there is no such scene"),
    ] {
        let error = Assets::gather(&home.request(scene)).unwrap_err().to_string();
        assert!(error.contains(text), "{scene}: {error}");
    }
}

#[test]
fn a_named_fifo_or_folder_is_no_asset() {
    let home = Home::new(&[("a.pov", "#include \"pipe\" #include \"dir\" #declare S = \"pipe\";"), ("dir/x", "")]);
    assert!(std::process::Command::new("mkfifo").arg(home.path("pipe")).status().unwrap().success());
    assert_eq!(names(&home.gather("a.pov")), ["a.pov"]);
}

#[test]
fn a_file_where_a_folder_is_needed_is_left_out() {
    let home = Home::new(&[("s/a.pov", "#include \"m\" #include \"m/x.inc\""), ("s/m", ""), ("m/x.inc", "")]);
    let assets = home.gather("s/a.pov");
    assert_eq!(names(&assets), ["a.pov", "m"]);
    assert_eq!(assets.notes().len(), 1);
}

#[test]
fn failures_are_shown_in_the_users_own_file() {
    let home = Home::new(&[("s/a.pov", "#include \"sub/x.inc\""), ("s/sub/x.inc", "\n\n  sphere { foo }\n")]);
    let assets = home.gather("s/a.pov");
    let stderr = "File 'sub/x.inc' line 3: Parse Error: Expected 'numeric expression', undeclared\n identifier 'foo' found instead\nFatal error in parser: Cannot parse input.\nRender failed\n";
    let failure = read_failure(stderr).unwrap();
    assert_eq!(failure.kind, FailureKind::Parse);
    assert_eq!(failure.place(&assets), Some((home.path("s/sub/x.inc"), 3)));
    assert_eq!(failure.excerpt(&assets).as_deref(), Some("sphere { foo }"));
}

#[test]
fn every_example_of_povray_is_gathered() {
    let examples = Path::new("/usr/share/doc/povray/examples");
    if !examples.is_dir() {
        return;
    }
    let mut folders = vec![examples.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "pov") {
                let mut request = SceneRequest::new(&path);
                request.typed_in = examples.to_owned();
                let assets = Assets::gather(&request).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assets.bundle().check().unwrap();
                assert!(assets.bundle().files.len() < 40, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 300, "{count}");
}
