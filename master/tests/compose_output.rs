//! Where the image goes: refused early and with what to do, or there whole, or not there at all.

mod compose_support;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use compose_support::{ALL_FORMATS, Picture, add, read_png, spool_of};
use td::compose::{ComposeError, OutputError, OutputFormat, OutputPlan, OutputTarget, Shape, Spool, compose};
use td_protocol::pixel::{Depth, PixelFormat};
use td_protocol::rows::Rows;

fn refused(path: &Path, inputs: &[PathBuf]) -> OutputError {
    OutputPlan::check(path, inputs).expect_err("should be refused")
}

fn message(path: &Path) -> String {
    let folder = path.parent().unwrap().display().to_string();
    refused(path, &[]).to_string().replace(&folder, "DIR")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

#[test]
fn an_output_that_cannot_be_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("text"), "").unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe.png"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    symlink(at("nowhere"), at("link.png")).unwrap();

    assert_eq!(
        message(&at("none/x.png")),
        "DIR/x.png: the folder DIR does not exist; make it (mkdir -p) or name another with -o"
    );
    assert_eq!(message(&at("text/x.png")), "DIR/x.png: DIR is not a folder; name another output with -o");
    let special = "not a regular file; name another output with -o (-o - writes to standard output)";
    assert_eq!(message(&at("sub")), format!("DIR/sub is a folder, {special}"));
    assert_eq!(message(&at("pipe.png")), format!("DIR/pipe.png is a named pipe, {special}"));
    assert_eq!(message(Path::new("/dev/null")), format!("DIR/null is a device, {special}"));
    assert_eq!(
        message(&at("link.png")),
        "DIR/link.png is a symbolic link to nothing; remove it or name another output with -o"
    );
    assert!(matches!(refused(Path::new(""), &[]), OutputError::NoName { .. }));
    assert!(matches!(refused(&at("new/"), &[]), OutputError::NoName { .. }));
    assert!(matches!(refused(Path::new("/"), &[]), OutputError::NotRegular { .. }));
    assert!(matches!(refused(Path::new(".."), &[]), OutputError::NotRegular { .. }));
    assert_eq!(
        message(&at("x.exr")),
        ".exr holds floating-point colours, which td does not keep; write a 16-bit PNG instead: +FN16 -o NAME.png"
    );
    assert_eq!(
        message(&at("x.GIF")),
        ".gif is no format that td writes; use .png, .jpg, .jpeg, .bmp, .tga, .ppm, .pgm, .tif, .tiff or .webp"
    );
    assert_eq!(names(folder.path()), ["link.png", "pipe.png", "sub", "text"]);
}

#[test]
fn the_scene_and_its_assets_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("map.png"), "asset").unwrap();
    fs::hard_link(at("map.png"), at("hard.png")).unwrap();
    symlink("map.png", at("soft.png")).unwrap();
    let inputs = [at("gone.pov"), at("map.png")];
    for name in ["map.png", "hard.png", "soft.png", "../map.png"] {
        let path = if name.starts_with("..") {
            fs::create_dir(at("sub")).unwrap();
            at("sub").join(name)
        } else {
            at(name)
        };
        let error = refused(&path, &inputs);
        assert!(matches!(error, OutputError::IsAnInput { .. }), "{name}: {error}");
        assert_eq!(
            error.to_string(),
            format!(
                "{} is {}, which the scene needs; name another output with -o",
                path.display(),
                at("map.png").display()
            )
        );
    }
    assert!(OutputPlan::check(&at("other.png"), &inputs).is_ok());
}

/// Root may write everywhere: as root the test runs itself again as another user.
#[test]
fn what_may_not_be_written_is_refused() {
    if is_root() {
        let path = std::env::current_exe().unwrap();
        let copy = tempfile::tempdir().unwrap();
        fs::set_permissions(copy.path(), Permissions::from_mode(0o755)).unwrap();
        let program = copy.path().join("again");
        fs::copy(path, &program).unwrap();
        let output = std::process::Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(program)
            .args(["--exact", "what_may_not_be_written_is_refused"])
            .env("TMPDIR", "/tmp")
            .output();
        let output = output.expect("setpriv runs (apt-get install util-linux)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.png");
    fs::write(&file, "kept").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(
        message(&file),
        "DIR/x.png: the existing file may not be written to: Permission denied (os error 13); remove it or name another with -o"
    );
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    assert_eq!(
        message(&folder.path().join("y.png")),
        "DIR/y.png: the folder DIR may not be written to: Permission denied (os error 13); name another with -o"
    );
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_file_appears_whole_and_an_existing_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let picture = Picture::new(50, 40, PixelFormat::RGB8, 1);
    let spool = spool_of(&picture, scratch.path(), 16);
    let path = folder.path().join("x.png");

    let plan = OutputPlan::check(&path, &[]).unwrap();
    assert_eq!(plan.target(), &OutputTarget::File(path.clone()));
    assert_eq!(plan.note(), None);
    assert!(!path.exists());
    let written = compose(&spool, &[], &plan, SystemTime::now()).unwrap();
    assert_eq!(written, path.metadata().unwrap().len());
    assert_eq!(read_png(&fs::read(&path).unwrap()).1, picture.samples);
    // As any tool that just opens its output: the umask decides.
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    assert_eq!(path.metadata().unwrap().permissions(), plain.metadata().unwrap().permissions());

    fs::write(&path, "older").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let plan = OutputPlan::check(&path, &[]).unwrap();
    assert_eq!(plan.note().unwrap(), format!("{} exists and will be replaced when the image is whole", path.display()));
    assert_eq!(fs::read(&path).unwrap(), b"older");
    compose(&spool, &[], &plan, SystemTime::now()).unwrap();
    assert_eq!(read_png(&fs::read(&path).unwrap()).1, picture.samples);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["plain", "x.png"]);
}

#[test]
fn a_link_is_kept_and_what_it_points_to_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let spool = spool_of(&Picture::new(5, 4, PixelFormat::RGB8, 1), scratch.path(), 16);
    fs::create_dir(folder.path().join("real")).unwrap();
    fs::write(folder.path().join("real/x.png"), "older").unwrap();
    let link = folder.path().join("link.png");
    symlink("real/x.png", &link).unwrap();
    compose(&spool, &[], &OutputPlan::check(&link, &[]).unwrap(), SystemTime::now()).unwrap();
    assert!(link.is_symlink());
    assert!(fs::read(folder.path().join("real/x.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(names(&folder.path().join("real")), ["x.png"]);
}

#[test]
fn nothing_is_left_behind_when_rows_are_missing_or_the_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let picture = Picture::new(50, 40, PixelFormat::RGB8, 1);
    let spool = Spool::create(&scratch.path().join("spool"), picture.shape).unwrap();
    let path = folder.path().join("x.png");
    fs::write(&path, "older").unwrap();
    let plan = OutputPlan::check(&path, &[]).unwrap();
    let error = compose(&spool, &[], &plan, SystemTime::now()).unwrap_err();
    assert!(matches!(error, ComposeError::Incomplete { .. }));
    assert_eq!(names(folder.path()), ["x.png"]);
    assert_eq!(fs::read(&path).unwrap(), b"older");

    add(&spool, &picture.segment(Rows::new(0, 40)));
    drop(folder);
    let error = compose(&spool, &[], &plan, SystemTime::now()).unwrap_err();
    let expected = format!("writing {}: No such file or directory", path.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn small_and_large_chunks_come_out_in_order() {
    let scratch = tempfile::tempdir().unwrap();
    let picture = Picture::new(400, 900, PixelFormat::RGB8, 1);
    let spool = Spool::create(&scratch.path().join("spool"), picture.shape).unwrap();
    // Stored blocks: a row is 1201 bytes, so the second and fourth are longer than what is gathered.
    for (start, end) in [(850, 900), (0, 20), (20, 420), (420, 450), (450, 850)] {
        add(&spool, &picture.segment_with(Rows::new(start, end), |_| 0, 0));
    }
    let path = scratch.path().join("x.png");
    compose(&spool, &[], &OutputPlan::check(&path, &[]).unwrap(), SystemTime::now()).unwrap();
    assert_eq!(read_png(&fs::read(&path).unwrap()).1, picture.samples);
}

/// Needs a file system with a limit, which only root can mount.
#[test]
fn a_full_disk_leaves_the_old_file_and_no_temporary_one() {
    let folder = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder.path())
        .output();
    if !mount.is_ok_and(|output| output.status.success()) {
        td_tests::skip::skip("disk_full", "may not mount a small tmpfs here");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let picture = Picture::new(300, 300, PixelFormat::RGB8, 2);
    let spool = Spool::create(&scratch.path().join("spool"), picture.shape).unwrap();
    add(&spool, &picture.segment_with(Rows::new(0, 300), |_| 0, 0));
    let path = folder.path().join("x.png");
    fs::write(&path, "older").unwrap();
    let plan = OutputPlan::check(&path, &[]).unwrap();
    let error = compose(&spool, &[], &plan, SystemTime::now()).unwrap_err();
    let left = names(folder.path());
    let kept = fs::read(&path).unwrap();
    std::process::Command::new("umount").arg("-l").arg(folder.path()).status().unwrap();
    assert_eq!(
        error.to_string(),
        format!("no space is left for {}; free some on that disk, or name another with -o", path.display())
    );
    assert_eq!(left, ["x.png"]);
    assert_eq!(kept, b"older");
}

#[test]
fn every_format_is_read_back_by_image() {
    for format in ALL_FORMATS {
        let scratch = tempfile::tempdir().unwrap();
        let picture = Picture::new(37, 45, format, 6);
        let spool = spool_of(&picture, scratch.path(), 20);
        for extension in ["png", "jpg", "jpeg", "bmp", "tga", "ppm", "pgm", "tif", "tiff", "webp"] {
            let path = scratch.path().join(format!("x.{extension}"));
            let plan = OutputPlan::check(&path, &[]).unwrap();
            let Ok(notes) = plan.check_shape(picture.shape) else {
                continue;
            };
            compose(&spool, &[], &plan, SystemTime::now())
                .unwrap_or_else(|error| panic!("{format:?} as {extension}: {error}"));
            let read = image::open(&path).unwrap();
            let original = image::open(scratch.path().join("x.png")).unwrap();
            let what = format!("{format:?} as {extension}");
            let rounded = format.depth == Depth::Sixteen && notes.iter().any(|note| note.contains("rounded"));
            match extension {
                "jpg" | "jpeg" => assert_eq!((read.width(), read.height()), (37, 45), "{what}"),
                _ if rounded => assert_eq!(read.to_rgba8(), original.to_rgba8(), "{what}"),
                _ => assert_eq!(read.to_rgba16(), original.to_rgba16(), "{what}"),
            }
        }
        assert!(names(scratch.path()).iter().all(|name| name == "spool" || name.starts_with("x.")));
    }
}

#[test]
fn a_format_that_cannot_hold_the_image_says_what_to_write() {
    let shape = |width, height, format| Shape { width, height, format };
    let alpha = PixelFormat { alpha: true, ..PixelFormat::RGB8 };
    let deep = PixelFormat { depth: Depth::Sixteen, ..PixelFormat::RGB8 };
    let error = |format: OutputFormat, shape| format.check_shape(shape).unwrap_err().to_string();
    for format in [OutputFormat::Jpeg, OutputFormat::Ppm] {
        assert_eq!(
            error(format, shape(9, 9, alpha)),
            format!("{} has no transparency; leave out +UA, or write .png, .tiff, .webp, .tga or .bmp", format.name())
        );
    }
    assert_eq!(
        error(OutputFormat::Pgm, shape(9, 9, deep)),
        "a .pgm is grey and this image is in colour; write .ppm, or add +FNg for a grey image"
    );
    assert_eq!(
        error(OutputFormat::WebP, shape(20_000, 9, alpha)),
        "WebP is at most 16383 pixels wide and high, this image is 20000x9; write .png"
    );
    assert_eq!(
        error(OutputFormat::Bmp, shape(60_000, 60_000, alpha)),
        "BMP files end at 4 GiB, and this image has 14400000000 bytes; write .png"
    );
    assert_eq!(
        OutputFormat::Tga.check_shape(shape(9, 9, deep)).unwrap(),
        ["TGA has 8 bits per sample: the 16-bit samples are rounded"]
    );
    assert_eq!(OutputFormat::Ppm.check_shape(shape(9, 9, deep)).unwrap(), [""; 0]);
    assert_eq!(OutputFormat::Png.check_shape(shape(9, 9, alpha)).unwrap(), [""; 0]);
}

#[test]
fn standard_output_takes_the_image_through_a_pipe_and_says_when_it_is_closed() {
    let scratch = tempfile::tempdir().unwrap();
    let picture = Picture::new(400, 400, PixelFormat::RGB8, 1);
    let spool = Spool::create(&scratch.path().join("spool"), picture.shape).unwrap();
    add(&spool, &picture.segment_with(Rows::new(0, 400), |_| 0, 0));
    assert_eq!(OutputPlan::check(Path::new("-"), &[]).unwrap().target(), &OutputTarget::Stdout);

    let (reader, writer) = io::pipe().unwrap();
    let read = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut &reader, &mut bytes).map(|_| bytes)
    });
    let mut writer = fs::File::from(std::os::fd::OwnedFd::from(writer));
    td::compose::write_png(&mut writer, &[], &spool, SystemTime::now()).unwrap();
    drop(writer);
    assert_eq!(read_png(&read.join().unwrap().unwrap()).1, picture.samples);

    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut writer = fs::File::from(std::os::fd::OwnedFd::from(writer));
    let error = td::compose::write_png(&mut writer, &[], &spool, SystemTime::now()).unwrap_err();
    assert!(matches!(error, ComposeError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe));
}
