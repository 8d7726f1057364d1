//! Where a scene's files are found: beside it, above it, by absolute names, through links, in library paths.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use td_tests::picture::Picture;
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, process};

use crate::scenes::SMALL;

/// An image map of 2x2 pixels.
const PIXELS: &[u8] = b"P6\n2 2\n255\n\xff\0\0\0\xff\0\0\0\xff\xff\xff\0";

/// The picture that plain POV-Ray makes in `folder`, where td is given the scene's path from another folder.
#[track_caller]
fn same_as_povray(sandbox: &Sandbox, folder: &str, scene: &str, more: &[&str]) {
    same_with(sandbox, folder, scene, more, &[]);
}

/// The same, with options that only td has.
#[track_caller]
fn same_with(sandbox: &Sandbox, folder: &str, scene: &str, more: &[&str], own: &[&str]) {
    let work = sandbox.work();
    let switches: Vec<String> = ["+W97", "+H71"].iter().chain(more).map(ToString::to_string).collect();
    let reference = Reference { root: &work, folder: &work.join(folder), scene, switches: &switches };
    let wanted = reference.picture_now().expect("plain POV-Ray renders it");
    let out = sandbox.path().join("out.png");
    for (from, path) in [(sandbox.home(), work.join(folder).join(scene)), (work.join(folder), scene.into())] {
        let mut command: Command = sandbox.td(["render"]);
        command.arg(path).args(&switches).args(own).arg("-o").arg(&out).current_dir(from);
        let outcome = process::run(&mut command, Duration::from_secs(120));
        outcome.code(0);
        sandbox.nothing_left_behind();
        compare::same(&wanted, &Picture::read(&out).unwrap())
            .unwrap_or_else(|e| panic!("{e}\n{}", outcome.transcript()));
        fs::remove_file(&out).unwrap();
    }
}

#[test]
fn includes_beside_below_and_above_the_scene() {
    let sandbox = Sandbox::new();
    sandbox.write("lib/wood.inc", "#declare Wood = pigment { rgb <0.6, 0.4, 0.2> }");
    sandbox.write("project/parts/ball.inc", "#declare Ball = sphere { <1, 0.5, 0>, 0.4 pigment { Wood } }");
    sandbox.write("project/near.inc", "#include \"parts/ball.inc\"");
    let scene = format!("{SMALL}\n#include \"../lib/wood.inc\"\n#include \"near.inc\"\nobject {{ Ball }}\n");
    sandbox.write("project/scene.pov", scene);
    same_as_povray(&sandbox, "project", "scene.pov", &["+A0.3"]);
}

#[test]
fn absolute_names_and_links() {
    let sandbox = Sandbox::new();
    let wood = sandbox.write("elsewhere/wood.inc", "#declare Wood = pigment { rgb <0.6, 0.4, 0.2> }");
    sandbox.write("elsewhere/real.ppm", PIXELS);
    fs::create_dir(sandbox.work().join("project")).unwrap();
    symlink("../elsewhere/real.ppm", sandbox.work().join("project/map.ppm")).unwrap();
    let scene = format!(
        "{SMALL}\n#include \"{}\"\nbox {{ -0.3, 0.3 translate <1, 0.5, 0> pigment {{ Wood }} }}\n\
         box {{ 0, 1 pigment {{ image_map {{ ppm \"map.ppm\" }} }} scale 0.7 translate <-1.6, 0, 0> }}\n",
        wood.display()
    );
    sandbox.write("project/scene.pov", scene);
    same_as_povray(&sandbox, "project", "scene.pov", &[]);
}

#[test]
fn a_name_that_the_scene_computes_is_found_by_trial() {
    let sandbox = Sandbox::new();
    for (at, red) in [(1, 0.2), (2, 0.9)] {
        sandbox.write(format!("part{at}.inc"), format!("#declare Red{at} = {red};"));
    }
    let scene = format!(
        "{SMALL}\n#declare I = 1; #while (I <= 2) #include concat(\"part\", str(I, 0, 0), \".inc\") #declare I = I + 1; #end\n\
         sphere {{ <1, 0.4, 0>, 0.3 pigment {{ rgb <Red1, Red2, 0> }} }}\n"
    );
    sandbox.write("scene.pov", scene);
    same_as_povray(&sandbox, "", "scene.pov", &[]);
}

#[test]
fn a_file_that_the_scene_only_asks_for_comes_with_assets() {
    let sandbox = Sandbox::new();
    sandbox.write("extra/more1.inc", "#declare Red = 0.9;");
    let scene = format!(
        "{SMALL}\n#declare Red = 0; #declare Name = concat(\"extra/more\", str(1, 0, 0), \".inc\");\n\
         #if (file_exists(Name)) #include Name #end\nsphere {{ <1, 0.4, 0>, 0.3 pigment {{ rgb <Red, 0.2, 0> }} }}\n"
    );
    sandbox.write("scene.pov", scene);
    // Names in the folder count from the folder itself, as they do for a scene that lies there.
    let work = sandbox.work();
    let assets = ["--assets", work.to_str().unwrap()];
    same_with(&sandbox, "", "scene.pov", &[], &assets);
}

#[test]
fn library_paths_and_which_of_two_files_is_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("library/tone.inc", "#declare Tone = 0.2;");
    sandbox.write("scene.pov", format!("{SMALL}\n#include \"tone.inc\"\nsphere {{ x, 0.3 pigment {{ rgb Tone }} }}\n"));
    let library = format!("+L{}", sandbox.work().join("library").display());
    same_as_povray(&sandbox, "", "scene.pov", &[&library]);

    // td is called in another folder, which has a file of that name too: the scene's own folder is searched first.
    sandbox.write("scene-folder/tone.inc", "#declare Tone = 0.5;");
    fs::copy(sandbox.work().join("scene.pov"), sandbox.work().join("scene-folder/scene.pov")).unwrap();
    sandbox.write("tone.inc", "#declare Tone = 0.9;");
    let outcome = sandbox.run(["render", "scene-folder/scene.pov", "+W97", "+H71", "-o", "out.png"]);
    outcome.code(0).says(&["tone.inc", "scene-folder"]);
    let folder = sandbox.work().join("scene-folder");
    let switches = ["+W97", "+H71"].map(str::to_owned);
    let wanted =
        Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches }.picture().unwrap();
    compare::same(&wanted, &Picture::read(&sandbox.work().join("out.png")).unwrap()).unwrap();
}

#[test]
fn an_ini_file_and_its_sections() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let ini = "Input_File_Name=scene.pov\nWidth=61\nHeight=47\n[large]\nWidth=97\nHeight=71\nAntialias=On\n";
    sandbox.write("scene.ini", ini);
    sandbox.run(["render", "scene.ini", "-o", "small.png"]).code(0);
    sandbox.run(["render", "scene.ini[large]", "-o", "large.png"]).code(0);
    let size = |name: &str| {
        let picture = Picture::read(&sandbox.work().join(name)).unwrap();
        (picture.width, picture.height)
    };
    assert_eq!((size("small.png"), size("large.png")), ((61, 47), (97, 71)));
    // Its own ini chain, as povray itself reads it; the command line has the last word.
    sandbox.write("povray.ini", "Width=33\nHeight=17\n");
    let outcome = sandbox.run(["render", "scene.pov", "+H19", "-v", "-o", "chain.png"]);
    outcome.code(0).says(&["povray.ini"]);
    assert_eq!(size("chain.png"), (33, 19));
}

#[test]
fn a_part_of_the_picture() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    for part in [&["+SR11", "+ER50"][..], &["+SR0.25", "+ER0.5"], &["+SC21", "+EC60", "+SR33", "+ER64"]] {
        same_as_povray(&sandbox, "", "scene.pov", part);
    }
}

/// POV-Ray splits its arguments at blanks where they are not quoted, and reads no names beyond ASCII in a scene's text.
#[test]
fn blanks_in_names_and_letters_beyond_ascii() {
    let sandbox = Sandbox::new();
    sandbox.write("Märchen und mehr/two balls.inc", "sphere { x, 0.3 pigment { rgb 1 } }");
    sandbox.write("Märchen und mehr/Szene (1).pov", format!("{SMALL}\n#include \"two balls.inc\"\n"));
    let path = Path::new("Märchen und mehr/Szene (1).pov");
    let mut command = sandbox.td(["render"]);
    command.arg(path).args(["+W97", "+H71"]);
    process::run(&mut command, Duration::from_secs(120)).code(0);
    assert!(Picture::read(&sandbox.work().join("Szene (1).png")).is_ok());
}

#[test]
fn a_home_with_a_blank_in_its_name() {
    let sandbox = Sandbox::new();
    sandbox.write("scene.pov", SMALL);
    let home = sandbox.home().join("Anna Maria");
    fs::create_dir(&home).unwrap();
    let mut command = sandbox.td(["render", "scene.pov", "+W97", "+H71"]);
    command.env("HOME", &home).env("XDG_CACHE_HOME", home.join(".cache"));
    process::run(&mut command, Duration::from_secs(120)).code(0);
    sandbox.nothing_left_behind();
    assert!(Picture::read(&sandbox.work().join("scene.png")).is_ok());
}
