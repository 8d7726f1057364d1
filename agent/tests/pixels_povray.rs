//! Floats to samples, compared with real POV-Ray: each case renders once, reads the floats from the state file and the
//! samples from the PNG of the same render, and every sample has to be equal.
//!
//! Needs POV-Ray 3.7 and its examples (Debian: povray, povray-includes, povray-examples).

mod pixels_support;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use pixels_support::{Render, Rendered, whole_image};
use td_agent::pixels::candidates::{Decision, Probe, decide};
use td_agent::pixels::conversion::{Conversion, Converter};
use td_agent::pixels::encode::SegmentEncoder;
use td_agent::pixels::gamma::WorkingGamma;
use td_agent::pixels::png_rows::PngRows;
use td_agent::pixels::row_assembly::{Pixel, RowAssembler};
use td_agent::pixels::state_file::StateReader;
use td_protocol::options::FileGamma;
use td_protocol::rows::Rows;

/// A scene with what examples rarely have: glass and highlights before nothing, glowing fog, and floats that are no
/// numbers. `G` is its assumed_gamma.
const ODD: &str = r#"
#ifdef (G) global_settings { assumed_gamma G } #end
camera { orthographic location <0,0,-5> look_at 0 right x*4 up y*3 }
light_source { <3,5,-9> rgb 2 }
light_source { <-4,1,-9> rgb <0.3,0.5,0.2> }
sphere { <-1,0.5,0>, 0.8 pigment { rgbt <1,0.8,0.6,0.9> } finish { specular 1.5 roughness 0.02 reflection 0.1 } }
sphere { <0.6,0.5,0>, 0.8 pigment { rgbt 1 } finish { specular 1 roughness 0.05 ambient 0 diffuse 0 } }
sphere { <0,-0.6,0>, 0.6 pigment { rgbft <0.9,0.5,0.1,0.5,0.3> } finish { phong 2 } }
box { <1.6,-1.5,0>, <1.7,1.5,1> pigment { rgb <1e39,-1e39,0.5> } finish { ambient 1 diffuse 0 } }
box { <1.7,-1.5,0>, <1.8,1.5,1> pigment { rgbt <1e39,-1,1,0.5> } finish { ambient 1 diffuse 0 } }
box { <1.8,-1.5,0>, <2,1.5,1> pigment { gradient y color_map { [0 rgb -0.2] [1 rgb <1.5,1,0.7>] } scale 3 translate y*-1.5 } finish { ambient 1 diffuse 0 } }
"#;

fn file_gamma(args: &[&str]) -> FileGamma {
    args.iter()
        .find_map(|arg| arg.strip_prefix("File_Gamma="))
        .and_then(|gamma| gamma.parse().ok())
        .map_or(FileGamma::Srgb, FileGamma::Power)
}

/// Compares all samples, by table and by formula, and asks `decide` too. Returns what differs, or `None`.
fn compare(name: &str, args: &[&str], working: WorkingGamma, rendered: &Rendered) -> Option<String> {
    let (pixels, format, samples) = whole_image(rendered);
    let conversion = Conversion::new(working, file_gamma(args), format);
    let sample_bytes = format.depth.bytes() as usize;
    let mut differing = Vec::new();
    for converter in [Converter::new(&conversion).unwrap(), Converter::by_formula(&conversion).unwrap()] {
        let mut ours = Vec::new();
        converter.convert(&pixels, &mut ours);
        assert_eq!(ours.len(), samples.len(), "{name} {args:?}: other number of samples");
        let pairs = ours.chunks_exact(sample_bytes).zip(samples.chunks_exact(sample_bytes));
        differing.push(pairs.filter(|(ours, theirs)| ours != theirs).count());
    }
    let probe = Probe { pixels: &pixels, samples: &samples, format, file_gamma: file_gamma(args) };
    let decision = decide(&probe, &[working]);
    let is_found = matches!(&decision, Decision::Exact(found) if found.curve() == conversion.curve());
    let verdict = format!(
        "{name:<40} {:<22} {:<44} {:>7} samples, {} differ by table, {} by formula, decide: {}",
        working.to_string(),
        args.join(" "),
        samples.len() / sample_bytes,
        differing[0],
        differing[1],
        if is_found { "found".to_owned() } else { format!("{decision:?}") },
    );
    println!("{verdict}");
    (differing != [0, 0] || !is_found).then_some(verdict)
}

fn check(cases: Vec<(&str, WorkingGamma, Vec<&str>)>) {
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(scene, working, args)| {
            let rendered = Render::example(scene).args(&["+W320", "+H240"]).args(&args).run();
            compare(scene, &args, working, &rendered)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const LINEAR: WorkingGamma = WorkingGamma::LINEAR;

#[test]
fn examples_with_gamma_one() {
    check(vec![
        ("objects/blob.pov", LINEAR, vec![]),
        ("objects/blob.pov", LINEAR, vec!["+A0.1", "+AM2"]),
        ("objects/blob.pov", LINEAR, vec!["+FN16"]),
        ("objects/blob.pov", LINEAR, vec!["+FN16", "File_Gamma=1.0"]),
        ("objects/blob.pov", LINEAR, vec!["+FN16", "File_Gamma=1.8"]),
        ("objects/blob.pov", LINEAR, vec!["File_Gamma=2.2"]),
        ("objects/blob.pov", LINEAR, vec!["+FNg"]),
        ("advanced/landscape.pov", LINEAR, vec!["+FN16"]),
        ("advanced/wineglass.pov", LINEAR, vec!["+FN16", "+UA"]),
        ("advanced/wineglass.pov", LINEAR, vec!["+UA", "+A0.1", "+AM2"]),
    ]);
}

#[test]
fn examples_with_other_gammas() {
    let gamma = WorkingGamma::Power;
    check(vec![
        ("advanced/woodbox.pov", gamma(1.2), vec!["+FN16"]),
        ("advanced/woodbox.pov", gamma(1.2), vec!["File_Gamma=2.2", "+FN16"]),
        ("advanced/biscuit.pov", gamma(1.3), vec!["+A0.3"]),
        ("advanced/biscuit.pov", gamma(1.3), vec!["+FNg"]),
        ("objects/torus1.pov", gamma(1.8), vec!["+FN16", "File_Gamma=1.8"]),
        ("objects/prism1.pov", gamma(1.7), vec!["+FN16", "File_Gamma=1.0"]),
        ("objects/ttf1.pov", gamma(1.9), vec!["+FN16", "+UA"]),
        ("interior/ballbox1.pov", gamma(2.0), vec!["File_Gamma=1.8", "+FN16"]),
        ("incdemo/stones/stones1.pov", gamma(2.2), vec!["+FN16"]),
        ("textures/patterns/waves.pov", gamma(2.2), vec!["+FN16", "File_Gamma=1.0"]),
        ("lights/spotlite.pov", gamma(2.2), vec!["+UA", "+FN16", "File_Gamma=1.8"]),
        ("textures/pigments/skies/s_cloud1.pov", gamma(2.2), vec!["File_Gamma=2.2", "+FN16"]),
    ]);
}

#[test]
fn scenes_without_gamma() {
    check(vec![
        ("incdemo/woods/ash.pov", WorkingGamma::Off, vec![]),
        ("incdemo/woods/ash.pov", WorkingGamma::Off, vec!["+FN16", "File_Gamma=1.8"]),
        ("incdemo/woods/ash.pov", WorkingGamma::Off, vec!["+FN16", "+UA"]),
        ("incdemo/woods/ash.pov", LINEAR, vec!["+MV3.7", "+FN16"]),
    ]);
}

/// Every gamma with every format, on the odd scene.
#[test]
fn glass_highlights_and_floats_that_are_no_numbers() {
    let gammas = [
        ("#version 3.6;", "", WorkingGamma::Off),
        ("#version 3.7;", "", LINEAR),
        ("#version 3.7;", "Declare=G=1.0", LINEAR),
        ("#version 3.7;", "Declare=G=1.8", WorkingGamma::Power(1.8)),
        ("#version 3.6;", "Declare=G=2.2", WorkingGamma::Power(2.2)),
    ];
    let options: [&[&str]; 8] = [
        &["+FN8"],
        &["+FN16", "File_Gamma=1.8"],
        &["+UA"],
        &["+UA", "+FN16"],
        &["+UA", "+FN16", "+A0.1", "+AM2", "File_Gamma=1.0"],
        &["+FNg", "File_Gamma=2.2"],
        &["+FNg", "+UA"],
        &["+UA", "+A0.1", "File_Gamma=2.2"],
    ];
    let mut wrong = Vec::new();
    for (version, declare, working) in gammas {
        let scene = format!("{version}\n{ODD}");
        for args in options {
            let mut render = Render::text(&scene).args(&["+W160", "+H120"]).args(args);
            if !declare.is_empty() {
                render = render.args(&[declare]);
            }
            wrong.extend(compare("odd", args, working, &render.run()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `assumed_gamma srgb`, and gammas that POV-Ray takes for 1 or for each other.
#[test]
fn rare_gammas() {
    let cases = [
        ("srgb", WorkingGamma::Srgb, "File_Gamma=1.0"),
        ("srgb", WorkingGamma::Srgb, "File_Gamma=2.2"),
        ("srgb", WorkingGamma::Srgb, "File_Gamma=sRGB"),
        ("1.005", WorkingGamma::Power(1.005), "File_Gamma=sRGB"),
        ("2.2", WorkingGamma::Power(2.2), "File_Gamma=2.19"),
        ("0.7", WorkingGamma::Power(0.7), "File_Gamma=sRGB"),
        ("2.6", WorkingGamma::Power(2.6), "File_Gamma=1.4"),
    ];
    let mut wrong = Vec::new();
    for (gamma, working, file) in cases {
        let scene = format!("#version 3.7;\nglobal_settings {{ assumed_gamma {gamma} }}\n{ODD}");
        let args = ["+FN16", file];
        let rendered = Render::text(&scene).args(&["+W160", "+H120"]).args(&args).run();
        wrong.extend(compare("odd", &args, working, &rendered));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Parts of an image: what is outside is black, and opaque, in every format.
#[test]
fn parts_of_an_image() {
    for format in [&[][..], &["+UA"], &["+UA", "+FN16"], &["+FNg", "+UA"]] {
        let part = ["+W150", "+H130", "+SR11", "+ER90", "+SC21", "+EC100"];
        let rendered = Render::example("objects/blob.pov").args(&part).args(format).run();
        let pixels = rendered.float_rows(150, 130, Rows::new(10, 90), Rows::new(20, 100));
        let mut png = PngRows::open(rendered.png.as_slice()).unwrap();
        let conversion = Conversion::new(LINEAR, FileGamma::Srgb, png.format());
        let converter = Converter::new(&conversion).unwrap();
        let mut ours = Vec::new();
        for row in 0..130 {
            let theirs = png.next_row().unwrap().unwrap();
            match row {
                10..90 => converter.convert(&pixels[(row - 10) * 150..][..150], &mut ours),
                _ => converter.convert(&[Pixel::OUTSIDE; 150], &mut ours),
            }
            assert_eq!(ours, theirs, "{format:?}, row {row}");
        }
    }
}

/// The segments of both ways, from the same rows, are the same; and joined they are at most 1.05 times POV-Ray's own
/// file and 64 bytes per band.
#[test]
fn joined_segments_are_no_larger_than_povrays_own_file() {
    let scenes: [(&str, &[&str]); 6] = [
        ("objects/blob.pov", &["+W1600", "+H1200"]),
        ("objects/blob.pov", &["+W1600", "+H1200", "+A0.3"]),
        ("advanced/woodbox.pov", &["+W800", "+H600"]),
        ("textures/patterns/waves.pov", &["+W801", "+H601", "+FN16"]),
        ("objects/torus1.pov", &["+W800", "+H600", "+UA"]),
        ("incdemo/stones/stones1.pov", &["+W640", "+H480", "+FNg"]),
    ];
    let mut wrong = Vec::new();
    for (scene, args) in scenes {
        let rendered = Render::example(scene).args(args).run();
        let mut png = PngRows::open(rendered.png.as_slice()).unwrap();
        let (height, format) = (png.height(), png.format());
        let mut encoder = SegmentEncoder::new(format, png.width());
        let mut joined = 0;
        for start in (0..height).step_by(32) {
            for _ in start..height.min(start + 32) {
                encoder.row(png.next_row().unwrap().unwrap()).unwrap();
            }
            joined += encoder.finish(start).unwrap().1.len();
        }
        // Signature, chunks before IDAT, one IDAT with zlib's header, last block and checksum, IEND.
        let chunks: usize = png.chunks().iter().map(|chunk| chunk.data.len() + 12).sum();
        let ours = 8 + chunks + 12 + 2 + joined + 5 + 4 + 12;
        let theirs = rendered.png.len();
        let limit = theirs as f64 * 1.05 + 64.0 * f64::from(height.div_ceil(32));
        let line = format!(
            "{scene:<32} {:<22} POV-Ray {theirs:>8}  ours {ours:>8}  ratio {:.4}  of what is allowed {:.4}",
            args.join(" "),
            ours as f64 / theirs as f64,
            ours as f64 / limit
        );
        println!("{line}");
        if ours as f64 > limit {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With two threads blocks come in any order; rows still come from the top down, once each.
#[test]
fn two_threads() {
    let rendered = Render::example("advanced/wineglass.pov").args(&["+W320", "+H240", "+WT2", "+FN16"]).run();
    assert_eq!(compare("advanced/wineglass.pov", &["+FN16"], LINEAR, &rendered), None);
}

/// A reader that follows POV-Ray while it traces, through SIGKILL in the middle, a torn tail, and `+C`.
#[test]
fn a_trace_that_is_killed_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let render = || Render::example("interior/ballbox1.pov").args(&["+W640", "+H480", "+FN16", "+C"]);
    let mut running = render().start(folder.path());
    let mut file = running.file.take().unwrap();
    let mut reader = StateReader::new(640, 480);
    let mut assembler = RowAssembler::new(640, Rows::new(0, 480), Rows::new(0, 640)).unwrap();
    let mut pixels = Vec::new();
    let mut follow = |reader: &mut StateReader, file: &mut File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        reader.push(&bytes);
        while let Some(block) = reader.next_block().unwrap() {
            assembler.add(&block).unwrap();
            while let Some(run) = assembler.next_run() {
                pixels.extend_from_slice(run.pixels());
            }
        }
        pixels.len() / 640
    };
    while follow(&mut reader, &mut file) < 64 {
        assert!(running.child.try_wait().unwrap().is_none(), "povray ended before 64 rows were seen");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let rows = follow(&mut reader, &mut file);
    assert!(rows < 480, "povray was not killed in time");

    // Tear the tail, behind what the reader has seen whole.
    let state = folder.path().join("out.pov-state");
    let end = reader.position();
    let torn = std::fs::OpenOptions::new().write(true).open(&state).unwrap();
    torn.set_len(end).unwrap();
    torn.write_all_at(b"POVRAYMS\x00\x00\x03\x70\x00\x00\x50\xE0RAWSOBJE", end).unwrap();
    assert_eq!(follow(&mut reader, &mut file), rows);

    let rendered = render().start(folder.path()).finish();
    reader.rewind();
    file.seek(SeekFrom::Start(reader.position())).unwrap();
    assert_eq!(follow(&mut reader, &mut file), 480);
    assert_eq!(reader.position(), rendered.state.len() as u64);
    let (whole, format, samples) = whole_image(&rendered);
    assert!(whole == pixels, "the followed floats are not those of the whole file");
    let converter = Converter::new(&Conversion::new(WorkingGamma::Power(2.0), FileGamma::Srgb, format)).unwrap();
    let mut ours = Vec::new();
    converter.convert(&pixels, &mut ours);
    assert!(ours == samples, "the resumed file differs");
}
