//! Pictures that cannot be exact: td says so, or asks.

use td_tests::compare;
use td_tests::events;
use td_tests::picture::Picture;
use td_tests::programs;
use td_tests::sandbox::Sandbox;

fn own(name: &str) -> String {
    programs::own_scenes().join(name).to_str().expect("plain names").to_owned()
}

#[test]
fn seams_have_to_be_allowed() {
    let sandbox = Sandbox::new();
    let scene = own("radiosity.pov");
    let outcome = sandbox.run(["render", &scene, "+W97", "+H71", "-o", "out.png"]);
    outcome.code(2).speaks_to_a_person().says(&["radiosity", "--two-pass", "--one-node", "--allow-seams"]);
    assert!(!sandbox.work().join("out.png").exists());

    let outcome = sandbox.run(["render", &scene, "+W97", "+H71", "-o", "out.png", "--allow-seams", "--json"]);
    let done = events::last(outcome.code(0)).unwrap();
    assert_eq!(done["exact"], false);
    assert!(Picture::read(&sandbox.work().join("out.png")).is_ok());
}

#[test]
fn two_passes_come_close_and_say_that_they_are_not_exact() {
    let sandbox = Sandbox::new();
    let scene = own("radiosity.pov");
    let outcome = sandbox.run(["render", &scene, "+W97", "+H71", "-o", "out.png", "--two-pass", "--json"]);
    let done = events::last(outcome.code(0)).unwrap();
    assert_eq!(done["exact"], false);
    assert!(!done["why"].as_array().unwrap().is_empty());

    sandbox.run(["render", &scene, "+W97", "+H71", "-o", "one.png", "--one-node"]).code(0);
    let two = Picture::read(&sandbox.work().join("out.png")).unwrap();
    let one = Picture::read(&sandbox.work().join("one.png")).unwrap();
    compare::same_head(&one, &two).unwrap();
    let differences: Vec<u32> = one.values().zip(two.values()).map(|(a, b)| a.abs_diff(b)).collect();
    let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
    assert!(mean < 6.0, "two passes are {mean} levels off on average");
}

#[test]
fn grain_runs_with_a_line_that_says_so() {
    let sandbox = Sandbox::new();
    sandbox.run(["render", &own("crand.pov"), "+W97", "+H71", "-o", "out.png"]).code(0).says(&["crand"]);
}

#[test]
fn exact_insists() {
    let sandbox = Sandbox::new();
    for scene in ["crand.pov", "radiosity.pov"] {
        let outcome = sandbox.run(["render", &own(scene), "+W97", "+H71", "-o", "out.png", "--exact"]);
        outcome.code(2).speaks_to_a_person().says(&["--exact"]);
        assert!(!sandbox.work().join("out.png").exists());
    }
    sandbox.run(["render", &own("textures-only.pov"), "+W97", "+H71", "-o", "out.png", "--exact"]).code(0);
}

#[test]
fn verify_renders_a_sample_again_and_finds_it_equal() {
    let sandbox = Sandbox::new();
    let scene = own("area-light.pov");
    sandbox.run(["render", &scene, "+W97", "+H133", "-o", "out.png", "--verify"]).code(0).says(&["verif"]);
}

#[test]
fn plan_tells_the_class_and_renders_nothing() {
    let sandbox = Sandbox::new();
    for (scene, class) in [
        ("textures-only.pov", "any row"),
        ("words-only.pov", "any row"),
        ("area-light.pov", "32"),
        ("crand.pov", "noise"),
        ("radiosity.pov", "seams"),
    ] {
        let outcome = sandbox.run(["plan", &own(scene), "+W97", "+H71"]);
        outcome.code(0);
        let said = outcome.out() + &outcome.err();
        assert!(said.to_lowercase().contains(class), "{scene}: {said}");
        assert!(!sandbox.work().join(scene).with_extension("png").exists());
    }
}
