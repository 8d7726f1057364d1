//! From what a scene uses, and the options, to its class of exactness.

use td_protocol::options::RenderOptions;

use super::feature::{AssumedGamma, Feature, Finds, Place};
use super::reach::Reader;
use crate::scene::assets::Assets;

/// Whether strips of a picture equal the picture made in one go; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Equal, wherever the strips begin and end.
    AnyRow,
    /// Equal when strips begin at row 32k+1 and end at row 32k, and columns likewise.
    Aligned32,
    /// Other grains, the same look, no seams.
    Noise,
    /// Radiosity saved by a first pass: a few levels in a few pixels.
    TwoPass,
    /// Visible seams.
    Seams,
}

/// What the user asked for beside POV-Ray's own options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassFlags {
    /// `--two-pass`.
    pub two_pass: bool,
}

/// One feature that sets the class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub class: Class,
    /// The feature, with the first place that uses it: `area light with jitter, scene.pov:31`.
    pub text: String,
    /// False where it may stand in a branch that is not taken: the probe decides.
    pub certain: bool,
}

/// The class of a job and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The worst class that any reason gives, certain or not.
    pub class: Class,
    /// The worst class that a certain reason gives: it cannot be better than this.
    pub proven: Class,
    /// Worst first.
    pub why: Vec<Reason>,
    /// Literal values of `assumed_gamma`: candidates for the agents' conversion.
    pub assumed_gammas: Vec<AssumedGamma>,
    /// The first `#version` of the scene.
    pub version: Option<String>,
    /// The scene reads the clock or a frame number.
    pub animated: bool,
}

/// Judges a scene with its options.
#[must_use]
pub fn classify(assets: &Assets, options: &RenderOptions, flags: ClassFlags) -> Verdict {
    let finds = Reader::new(assets, declared_names(&options.switches)).read();
    let mut why = option_reasons(options);
    let quality = quality(&options.switches);
    let versions = versions(assets, &options.switches);
    for (feature, places) in &finds.features {
        if quality < needed_quality(*feature) {
            continue;
        }
        why.extend(reason(*feature, places, &finds, flags, &versions));
    }
    why.sort_by(|a, b| (b.class, b.certain, &a.text).cmp(&(a.class, a.certain, &b.text)));
    Verdict {
        class: why.iter().map(|reason| reason.class).max().unwrap_or(Class::AnyRow),
        proven: why.iter().filter(|reason| reason.certain).map(|reason| reason.class).max().unwrap_or(Class::AnyRow),
        why,
        assumed_gammas: finds.assumed_gammas,
        version: assets.version(),
        animated: finds.animated,
    }
}

fn option_reasons(options: &RenderOptions) -> Vec<Reason> {
    let mut why = Vec::new();
    if options.antialias_method == 1 {
        let text = "antialiasing method 1, the default (+AM2 can be cut anywhere)".to_owned();
        why.push(Reason { class: Class::Aligned32, text, certain: true });
    }
    if options.dither {
        why.push(Reason { class: Class::Seams, text: "dithering, +TH".to_owned(), certain: true });
    }
    why
}

/// What one feature means, or nothing where it has no effect.
fn reason(
    feature: Feature,
    places: &std::collections::BTreeMap<Place, bool>,
    finds: &Finds,
    flags: ClassFlags,
    versions: &[f32],
) -> Option<Reason> {
    let (place, certain) = places
        .iter()
        .find(|(_, certain)| **certain)
        .or_else(|| places.iter().next())
        .map(|(place, certain)| (place, *certain))?;
    let (class, what, certain) = match feature {
        Feature::AreaLight => (Class::Aligned32, "area light", certain),
        Feature::JitteredAreaLight => {
            let lights = finds.features.get(&Feature::AreaLight)?;
            (Class::Noise, "area light with jitter", certain && lights.values().any(|certain| *certain))
        }
        Feature::Crand => (Class::Noise, "crand", certain),
        Feature::MediaMethod => (Class::Noise, "media with sampling method 1 or 2", certain),
        Feature::MediaJitter => (Class::Noise, "media with jitter", certain),
        Feature::RainbowJitter => (Class::Noise, "rainbow with jitter", certain),
        Feature::Subsurface => {
            let on = finds.features.get(&Feature::SubsurfaceOn)?;
            (Class::Noise, "subsurface light transport", certain && on.values().any(|certain| *certain))
        }
        Feature::SubsurfaceOn => return None,
        Feature::Isosurface => (Class::Aligned32, "isosurface", certain),
        Feature::IsosurfaceEvaluate => (Class::Seams, "isosurface with evaluate", certain),
        Feature::Radiosity if flags.two_pass => (Class::TwoPass, "radiosity in two passes", certain),
        Feature::Radiosity => (Class::Seams, "radiosity", certain),
        Feature::Now => (Class::Noise, "now, the time of day, differs from strip to strip", certain),
        // Before 3.5 the default method was 1.
        Feature::MediaWithoutMethod => {
            let old = |version: &&f32| **version < 3.5;
            versions.iter().find(old)?;
            (
                Class::Noise,
                "media with the sampling method of #version below 3.5",
                certain && versions.iter().all(|v| *v < 3.5),
            )
        }
    };
    Some(Reason { class, text: format!("{what}, {}:{}", place.file, place.line), certain })
}

/// The lowest `+Q` at which a feature has an effect.
fn needed_quality(feature: Feature) -> u8 {
    match feature {
        Feature::AreaLight | Feature::JitteredAreaLight => 5,
        Feature::MediaMethod
        | Feature::MediaJitter
        | Feature::MediaWithoutMethod
        | Feature::Subsurface
        | Feature::SubsurfaceOn
        | Feature::Radiosity => 9,
        Feature::Crand | Feature::RainbowJitter | Feature::Isosurface | Feature::IsosurfaceEvaluate | Feature::Now => 0,
    }
}

/// `+Q<n>` or `Quality=<n>`; 9 by default.
fn quality(switches: &[String]) -> u8 {
    let value = |switch: &String| {
        let number = match switch.split_once('=') {
            Some((key, value)) if key.trim().eq_ignore_ascii_case("Quality") => value,
            Some(_) => return None,
            None => switch.strip_prefix(['+', '-'])?.strip_prefix(['Q', 'q'])?,
        };
        number.trim().parse::<u8>().ok()
    };
    switches.iter().rev().find_map(value).unwrap_or(9)
}

/// The names of `Declare=Name=Value`.
fn declared_names(switches: &[String]) -> Vec<String> {
    switches
        .iter()
        .filter_map(|switch| {
            let (key, rest) = switch.split_once('=')?;
            let name = rest.split_once('=').map_or(rest, |(name, _)| name);
            key.trim().eq_ignore_ascii_case("Declare").then(|| name.trim().to_owned())
        })
        .collect()
}

/// All language versions that the user's texts and options set.
fn versions(assets: &Assets, switches: &[String]) -> Vec<f32> {
    let by_option = switches.iter().filter_map(|switch| match switch.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("Version") => value.trim().parse().ok(),
        Some(_) => None,
        None => switch.strip_prefix("+MV").or_else(|| switch.strip_prefix("+mv"))?.parse().ok(),
    });
    by_option.chain(assets.versions()).collect()
}
