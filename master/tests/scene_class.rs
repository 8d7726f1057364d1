//! The class of exactness from the text alone. That the verdicts are right was checked against real renders, in one
//! go and in strips, of POV-Ray's 396 examples; the named ones here are a reduced set of those.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use td::scene::{Assets, AssumedGamma, Class, ClassFlags, SceneRequest, Verdict, classify};
use td_protocol::options::{FileGamma, RenderOptions};
use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use tempfile::TempDir;

fn options(antialias_method: u8, switches: &[&str]) -> RenderOptions {
    RenderOptions {
        width: 320,
        height: 240,
        rows: Rows::new(0, 240),
        columns: Rows::new(0, 320),
        format: PixelFormat::RGB8,
        file_gamma: FileGamma::Srgb,
        dither: false,
        antialias_method,
        switches: switches.iter().map(|switch| (*switch).to_owned()).collect(),
    }
}

/// A small stand-in for POV-Ray's own includes.
const STANDARD: &str = "#ifdef (Tex_Inc_Temp) #else #declare Tex_Inc_Temp = version;\n\
    #declare Plain = texture { pigment { rgb 1 } }\n\
    #declare F_Crand = finish { crand 0.02 }\n\
    #declare Rough = texture { pigment { rgb 1 } finish { F_Crand } }\n\
    #declare Rougher = Rough;\n\
    #macro Layered(T) texture { T } texture { Rougher } #end\n\
    #end\n";

fn judge_with(text: &str, options: &RenderOptions, flags: ClassFlags) -> Verdict {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("std")).unwrap();
    fs::write(dir.path().join("std/tex.inc"), STANDARD).unwrap();
    fs::write(dir.path().join("a.pov"), text).unwrap();
    let request = SceneRequest {
        scene: "a.pov".into(),
        typed_in: dir.path().to_owned(),
        library_paths: Vec::new(),
        assets_dir: None,
        standard: vec![dir.path().join("std")],
    };
    classify(&Assets::gather(&request).unwrap(), options, flags)
}

fn judge(text: &str) -> Verdict {
    judge_with(text, &options(0, &[]), ClassFlags::default())
}

/// The classes that hold and that are proven.
fn classes(text: &str) -> (Class, Class) {
    let verdict = judge(text);
    (verdict.class, verdict.proven)
}

#[test]
fn words_that_are_not_used_do_not_count() {
    for text in [
        "// crand 0.1\n/* radiosity {} /* x */ crand 1 */ sphere { 0, 1 }",
        "text { ttf \"timrom.ttf\" \"crand 1\" 1, 0 }",
        "#declare T = texture { finish { crand 0.1 } } sphere { 0, 1 }",
        "#macro M(A) light_source { 0, 1 area_light x, y, 2, 2 jitter } #end sphere { 0, 1 }",
        "#macro M(Jitter, Crand) sphere { 0, Jitter } #end M(1, 2)",
        "#include \"tex.inc\" sphere { 0, 1 texture { Plain } }",
        "#include \"tex.inc\" #declare Mine = texture { Rough } sphere { 0, 1 }",
        "sphere { 0, 1 finish { crand 0 } }",
        "light_source { 0, 1 photons { area_light } }",
        "global_settings { photons { count 10 jitter 0.4 } }",
        "media { method 3 samples 10 }",
        "#if (0) global_settings { radiosity { count 10 } } #end sphere { 0, 1 }",
        "#declare Rad = off; #if (Rad) global_settings { radiosity { } } #else sphere { 0, 1 } #end",
        "#ifdef (Use_Rad) global_settings { radiosity { } } #end sphere { 0, 1 }",
        "global_settings { subsurface { samples 5, 5 } } sphere { 0, 1 }",
        "sphere { 0, 1 finish { subsurface { translucency 1 } } }",
    ] {
        assert_eq!(classes(text), (Class::AnyRow, Class::AnyRow), "{text}");
    }
}

#[test]
fn words_that_are_used_count() {
    let all = [
        (Class::Aligned32, "light_source { 0, 1 area_light x, y, 2, 2 adaptive 1 }"),
        (Class::Noise, "light_source { 0, 1 area_light x, y, 2, 2 jitter }"),
        (Class::Noise, "sphere { 0, 1 finish { crand 0.1 } }"),
        (Class::Noise, "media { method 2 }"),
        (Class::Noise, "media { jitter 0.1 }"),
        (Class::Noise, "#version 3.1; media { emission 1 }"),
        (Class::Noise, "rainbow { jitter 0.1 }"),
        (Class::Noise, "#declare T = now; sphere { 0, T }"),
        (Class::Noise, "global_settings { subsurface { } } sphere { 0, 1 finish { subsurface { } } }"),
        (Class::Noise, "#include \"tex.inc\" sphere { 0, 1 texture { Rougher } }"),
        (Class::Noise, "#include \"tex.inc\" sphere { 0, 1 Layered(Plain) }"),
        (
            Class::Noise,
            "#include \"tex.inc\" #declare M = texture { Rough } #macro P() sphere { 0, 1 texture { M } } #end P()",
        ),
        (Class::Noise, "#default { finish { crand 0.1 } } sphere { 0, 1 }"),
        (Class::Noise, "#declare A = 5\nsphere { 0, 1 finish { crand 0.1 } }"),
        (Class::Noise, "#declare T = array[2] { finish { crand 0.1 }, finish { } } sphere { 0, 1 finish { T[0] } }"),
        (Class::Noise, "#declare I = 0; #while (I < 3) sphere { 0, 1 finish { crand 0.1 } } #declare I = I + 1; #end"),
        (Class::Noise, "#ifndef (Once) #declare Once = 1; sphere { 0, 1 finish { crand 0.1 } } #end"),
        (Class::Seams, "global_settings { assumed_gamma 1 radiosity { count 10 } }"),
        (Class::Seams, "#declare Rad = on; #if (Rad) global_settings { radiosity { } } #end"),
        (Class::Seams, "isosurface { function { x } evaluate 1, 2, 0.5 }"),
    ];
    for (class, text) in all {
        assert_eq!(classes(text), (class, class), "{text}: {:?}", judge(text).why);
    }
}

#[test]
fn an_isosurface_keeps_32_row_bounds_also_in_doubt() {
    let text = "isosurface { function { x } }";
    assert_eq!(classes(text), (Class::Aligned32, Class::Aligned32));
    let in_doubt = format!("#if (clock > 1) {text} #end");
    assert_eq!(classes(&in_doubt), (Class::Aligned32, Class::AnyRow));
}

#[test]
fn branches_in_doubt_are_marked() {
    for text in [
        "#if (clock > 1) global_settings { radiosity { } } #end",
        "#switch (clock) #case (1) global_settings { radiosity { } } #break #end",
        "#declare R = 0; #declare R = 1; #if (R) global_settings { radiosity { } } #end",
        "#macro Set(V) #declare V = 1; #end #declare R = 0; Set(R) #if (R) global_settings { radiosity { } } #end",
    ] {
        assert_eq!(classes(text), (Class::Seams, Class::AnyRow), "{text}");
    }
    let by_option = "#ifndef (R) #declare R = 0; #end #if (R) global_settings { radiosity { } } #end";
    assert_eq!(classes(by_option).0, Class::AnyRow);
    let verdict = judge_with(by_option, &options(0, &["Declare=R=1"]), ClassFlags::default());
    assert_eq!((verdict.class, verdict.proven), (Class::Seams, Class::AnyRow));
}

#[test]
fn an_include_that_only_a_string_names_counts_in_doubt() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.pov"), "#declare F = \"part.inc\"; #include F").unwrap();
    fs::write(dir.path().join("part.inc"), "global_settings { radiosity { } }").unwrap();
    let assets = Assets::gather(&SceneRequest::new(dir.path().join("a.pov"))).unwrap();
    let verdict = classify(&assets, &options(0, &[]), ClassFlags::default());
    assert_eq!((verdict.class, verdict.proven), (Class::Seams, Class::AnyRow));
}

#[test]
fn options_count_too() {
    let scene = "sphere { 0, 1 }";
    let class = |options: &RenderOptions| judge_with(scene, options, ClassFlags::default()).class;
    assert_eq!(class(&options(1, &[])), Class::Aligned32);
    assert_eq!(class(&options(2, &[])), Class::AnyRow);
    assert_eq!(class(&RenderOptions { dither: true, ..options(0, &[]) }), Class::Seams);
    let radiosity = "global_settings { radiosity { } } light_source { 0, 1 area_light x, y, 2, 2 }";
    let two_pass = judge_with(radiosity, &options(0, &[]), ClassFlags { two_pass: true });
    assert_eq!(two_pass.class, Class::TwoPass);
    for (switch, class) in [("+Q9", Class::Seams), ("+Q8", Class::Aligned32), ("Quality=4", Class::AnyRow)] {
        let verdict = judge_with(radiosity, &options(0, &[switch]), ClassFlags::default());
        assert_eq!(verdict.class, class, "{switch}");
    }
}

#[test]
fn reasons_name_the_place() {
    let verdict =
        judge("#version 3.7;\nglobal_settings { assumed_gamma 2.2 }\n\nsphere { 0, clock finish {\n crand 0.1 } }");
    assert_eq!(verdict.why.len(), 1);
    assert_eq!(verdict.why[0].text, "crand, a.pov:5");
    assert_eq!(verdict.assumed_gammas, [AssumedGamma::Value(2.2)]);
    assert_eq!(verdict.version.as_deref(), Some("3.7"));
    assert!(verdict.animated);
    assert_eq!(judge("global_settings { assumed_gamma srgb }").assumed_gammas, [AssumedGamma::Srgb]);
}

/// Verdicts on POV-Ray's own examples, each confirmed by renders in one go and in strips.
const EXAMPLES: &[(&str, Class)] = &[
    ("advanced/abyss.pov", Class::Aligned32),
    ("advanced/biscuit.pov", Class::Aligned32),
    ("advanced/chess2.pov", Class::AnyRow),
    ("advanced/woodbox.pov", Class::AnyRow),
    ("advanced/wineglass.pov", Class::AnyRow),
    ("advanced/isocacti.pov", Class::Aligned32),
    ("advanced/bwstripe.pov", Class::AnyRow),
    ("advanced/teapot/teapot3.pov", Class::AnyRow),
    ("incdemo/texture1.pov", Class::AnyRow),
    ("incdemo/woods/wood_7.pov", Class::AnyRow),
    ("incdemo/stones/pinkmarb.pov", Class::AnyRow),
    ("interior/media/hollow2.pov", Class::AnyRow),
    ("interior/fog_std.pov", Class::AnyRow),
    ("objects/blob.pov", Class::AnyRow),
    ("objects/prism3a.pov", Class::AnyRow),
    ("textures/patterns/bozo.pov", Class::AnyRow),
    ("textures/finishes/arches.pov", Class::AnyRow),
    ("lights/spotlite.pov", Class::AnyRow),
    ("lights/circular.pov", Class::Aligned32),
    ("bsp/Tango.pov", Class::Noise),
    ("advanced/lamppost.pov", Class::Noise),
    ("advanced/mist.pov", Class::Noise),
    ("incdemo/texture2.pov", Class::Noise),
    ("incdemo/stones/stones1.pov", Class::Noise),
    ("incdemo/stones/stones2.pov", Class::Noise),
    ("interior/rainbow1.pov", Class::Noise),
    ("lights/arealit1.pov", Class::Noise),
    ("objects/fractal2.pov", Class::Noise),
    ("subsurface/subsurface.pov", Class::Noise),
    ("advanced/object_pattern.pov", Class::Seams),
    ("radiosity/radiosity2.pov", Class::Seams),
    ("radiosity/rad_def_test_37.pov", Class::Seams),
    ("camera/mesh_camera/meshcam_persp_demo.pov", Class::Seams),
];

#[test]
fn povrays_examples() {
    // Where a system leaves out /usr/share/doc, `make test` unpacks them into target/.
    let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/povray-examples/usr/share/doc/povray/examples");
    let folders = ["/usr/share/doc/povray/examples", unpacked];
    let examples = folders.iter().map(Path::new).find(|folder| folder.is_dir());
    let examples = examples.expect("POV-Ray's examples are not here: install the package povray-examples");
    for &(name, class) in EXAMPLES {
        let assets = Assets::gather(&SceneRequest::new(examples.join(name))).unwrap();
        let verdict = classify(&assets, &options(0, &[]), ClassFlags::default());
        assert_eq!((verdict.class, verdict.proven), (class, class), "{name}: {:?}", verdict.why);
    }
}

#[test]
fn without_povray_on_the_master_its_names_are_known() {
    let dir = TempDir::new().unwrap();
    for (texture, class) in [("T_Stone8", Class::Noise), ("T_Stone1", Class::AnyRow)] {
        fs::write(
            dir.path().join("a.pov"),
            format!("#include \"stones.inc\" sphere {{ 0, 1 texture {{ {texture} }} }}"),
        )
        .unwrap();
        let request = SceneRequest { standard: Vec::new(), ..SceneRequest::new(dir.path().join("a.pov")) };
        let assets = Assets::gather(&request).unwrap();
        assert_eq!(classify(&assets, &options(0, &[]), ClassFlags::default()).class, class);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_it_panic(words in proptest::collection::vec(
        prop::sample::select(vec![
            "#declare", "#macro", "#if", "#else", "#end", "#switch", "#case", "#while", "#include", "#ifdef", "\"a.pov\"",
            "A", "B", "(", ")", "{", "}", "[", "]", "=", ";", "1", "0", ",", "<", "array", "function", "texture", "crand",
            "media", "method", "jitter", "light_source", "radiosity", "global_settings", "&", "!", "-", "#undef", "#for",
        ]), 1..60)) {
        let verdict = judge(&words.join(" "));
        prop_assert!(verdict.proven <= verdict.class);
    }
}
