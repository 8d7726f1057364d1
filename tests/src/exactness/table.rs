//! The table. Every scene was rendered with plain POV-Ray in one go, in uneven strips and in strips of 32 rows to
//! see which kind it is; sizes divide by nothing.

use super::Case;
use super::Expect::{Noise, Seams};

const fn example(name: &'static str, about: &'static str, width: u32, height: u32) -> Case {
    Case::example(name, about, width, height)
}

const fn own(name: &'static str, about: &'static str, width: u32, height: u32) -> Case {
    Case::own(name, about, width, height)
}

pub const CASES: &[Case] = &[
    // Sizes.
    example("objects/blob.pov", "plain, larger", 801, 601),
    example("objects/blob.pov", "+A, method 1: strips of 32 rows", 801, 601).with("+A0.3"),
    example("objects/blob.pov", "+A, method 2: any rows", 97, 71).with("+A0.3 +AM2"),
    example("objects/blob.pov", "one row", 33, 1),
    example("objects/blob.pov", "one column", 1, 33).with("+A0.1"),
    example("objects/blob.pov", "one pixel", 1, 1),
    example("objects/blob.pov", "exactly one band", 32, 32).with("+A0.3"),
    example("objects/blob.pov", "a row more than a band", 97, 33).with("+A0.3"),
    // What scenes are made of.
    example("objects/ttf1.pov", "font, image size from the example", 161, 121).with("+A0.1 +AM2 +R2"),
    example("incdemo/chars.pov", "characters", 97, 71),
    example("objects/isosurfaces.pov", "isosurfaces", 97, 71).with("+A0.3"),
    example("advanced/isocacti.pov", "isosurface; a macro's parameter is called Jitter", 97, 71),
    example("advanced/sunsethf.pov", "height field, gamma 2.2; crand out of sight counts", 161, 121)
        .with("+A0.3")
        .expect(Noise),
    example("objects/csg/hfclip.pov", "height field, clipped", 97, 71).with("+AM2 +A0.3"),
    example("advanced/landscape.pov", "height field, trees", 97, 71).with("+A0.3 +AM2"),
    example("camera/focalblur.pov", "focal blur", 97, 71).with("+A0.3 +AM1"),
    example("camera/panoramic.pov", "panoramic camera", 97, 71),
    example("lights/phot_met_glass.pov", "photons", 97, 71),
    example("advanced/diffract.pov", "photons, dispersion", 97, 71).with("+FN16"),
    example("lights/projected_through.pov", "projected light", 97, 71),
    example("interior/media/media2.pov", "media, method 3", 97, 71),
    example("interior/media/galaxy.pov", "media", 97, 71).with("+A0.3"),
    example("interior/caustic2.pov", "caustics", 97, 71).with("+AM2 +A0.2"),
    example("interior/fog_std.pov", "fog", 97, 71).with("+FN16 +A0.3"),
    example("advanced/wineglass.pov", "glass, reflection", 97, 71).with("+A0.3"),
    example("advanced/biscuit.pov", "gamma 1.3, isosurface, transparency", 161, 121).with("+A0.3"),
    example("advanced/woodbox.pov", "gamma 1.2", 97, 71).with("+A0.3 +AM2 +R2"),
    example("advanced/chess2.pov", "gamma 2.2, reflection", 97, 71).with("+FN16"),
    example("advanced/pawns.pov", "gamma 1.8, wood", 97, 71).with("+A0.2 +J"),
    example("textures/patterns/granite.pov", "granite", 97, 71),
    example("textures/patterns/crackle2.pov", "crackle", 97, 71).with("+A0.3"),
    example("textures/pigments/mapper.pov", "image maps", 97, 71),
    example("textures/pigments/matmap.pov", "material map", 97, 71).with("+A0.3"),
    example("textures/normals/bumpmap.pov", "bump map", 97, 71).with("+A0.3 -J"),
    example("textures/finishes/metallicreflection.pov", "reflection", 97, 71).with("+A0.3 +AM2"),
    example("textures/pigments/skies/s_cloud1.pov", "turbulence, gamma 2.2", 97, 71),
    example("incdemo/woods/wood_1.pov", "textures.inc and woods.inc", 97, 71).with("+A0.3"),
    example("incdemo/metals/golds.pov", "metals.inc", 97, 71).with("+Q5"),
    example("objects/fractal3.pov", "julia fractal, gamma 2.2", 97, 71).with("Antialias=On Antialias_Threshold=0.3"),
    example("objects/mesh2.pov", "mesh", 97, 71).with("+A0.1"),
    example("language/macros/macro4.pov", "macros", 97, 71).with("+MV3.7"),
    // Formats: 8 and 16 bit, grey, alpha, the file's gamma, the scene's gamma.
    own("gamma-none-no-version.pov", "no #version, no gamma", 97, 71),
    own("gamma-none-no-version.pov", "the same, 16 bit", 97, 71).with("+FN16 +A0.3"),
    own("gamma-none-36.pov", "#version 3.6, no gamma", 97, 71).with("+UA File_Gamma=1.0"),
    own("gamma-none-36.pov", "#version 3.6, no gamma, grey", 97, 71).with("+FNg"),
    own("gamma-none-37.pov", "#version 3.7, no gamma", 97, 71).with("+UA +A0.1 +AM2"),
    own("gamma-1.0.pov", "alpha", 97, 71).with("+UA"),
    own("gamma-1.0.pov", "alpha, 16 bit", 97, 71).with("+UA +FN16 +A0.1"),
    own("gamma-1.0.pov", "File_Gamma 1.0", 97, 71).with("File_Gamma=1.0"),
    own("gamma-1.0.pov", "File_Gamma 1.0, 16 bit", 97, 71).with("File_Gamma=1.0 +FN16"),
    own("gamma-1.0.pov", "File_Gamma 2.2", 97, 71).with("File_Gamma=2.2 +A0.3"),
    own("gamma-1.0.pov", "File_Gamma sRGB", 97, 71).with("File_Gamma=sRGB"),
    own("gamma-1.0.pov", "grey, 16 bit", 97, 71).with("+FNg"),
    own("gamma-1.0.pov", "Grayscale_Output", 97, 71).with("Grayscale_Output=On +A0.3"),
    own("gamma-1.8.pov", "gamma 1.8", 97, 71),
    own("gamma-1.8.pov", "gamma 1.8, 16 bit, File_Gamma 2.2", 97, 71).with("+FN16 File_Gamma=2.2"),
    own("gamma-1.8.pov", "gamma 1.8, alpha, File_Gamma 1.0", 97, 71).with("+UA File_Gamma=1.0 +A0.1 +AM2"),
    own("gamma-2.2.pov", "gamma 2.2, alpha, 16 bit", 97, 71).with("+UA +FN16"),
    own("gamma-2.2.pov", "gamma 2.2, grey, File_Gamma 2.2", 97, 71).with("+FNg File_Gamma=2.2"),
    own("gamma-declared.pov", "gamma by Declare", 97, 71).with("Declare=Gamma=1.5 +A0.3"),
    own("background-alpha.pov", "a background that lets through", 97, 71).with("+UA"),
    own("background-alpha.pov", "the same, 16 bit", 97, 71).with("+UA +FN16 +A0.1 +AM2"),
    // Words that do not count, and features that do.
    own("textures-only.pov", "textures.inc and stones1.inc, their crand unused", 97, 71),
    own("words-only.pov", "crand, jitter, radiosity as mere words", 97, 71),
    own("area-light.pov", "area light without jitter", 97, 103),
    own("crand.pov", "crand", 97, 71).expect(Noise),
    example("lights/soft.pov", "area light with jitter", 97, 71).expect(Noise),
    own("radiosity.pov", "radiosity", 97, 71).expect(Seams),
    example("radiosity/radiosity3.pov", "radiosity", 97, 71).with("+A0.3").expect(Seams),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exactness::{Scene, VARIANTS, reduced};

    #[test]
    fn enough_examples_and_no_case_twice() {
        let mut examples: Vec<_> =
            CASES.iter().filter(|c| matches!(c.scene, Scene::Example(_))).map(|c| c.scene.name()).collect();
        examples.dedup();
        assert!(examples.len() >= 25, "{}", examples.len());
        let mut titles: Vec<_> = CASES.iter().map(Case::title).collect();
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), CASES.len());
    }

    #[test]
    fn the_reduced_set_has_every_case_once_and_every_variant_often() {
        assert_eq!(reduced().count(), CASES.len());
        for variant in VARIANTS {
            assert!(reduced().filter(|&(_, v)| v == variant).count() >= CASES.len() / VARIANTS.len() - 1);
        }
    }

    #[test]
    fn every_scene_is_there() {
        for case in CASES {
            assert!(case.scene.path().is_file(), "{}", case.scene.path().display());
        }
    }
}
