//! The features whose pixels depend on how the picture is cut, found word by word.

use std::collections::BTreeMap;

use super::code::Item;
use super::outline::after_group;
use crate::scene::assets::SceneText;

/// A media block is looked through so far.
const MAX_MEDIA: usize = 10_000;

/// What was found that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    AreaLight,
    JitteredAreaLight,
    Crand,
    MediaMethod,
    MediaJitter,
    RainbowJitter,
    /// `subsurface` in a finish: it has an effect only with `SubsurfaceOn`.
    Subsurface,
    /// `subsurface` in `global_settings`.
    SubsurfaceOn,
    /// Its solver remembers the ray before: a cut elsewhere than between blocks has moved a pixel by one level.
    Isosurface,
    /// The gradient of an isosurface that is learned while the picture is drawn.
    IsosurfaceEvaluate,
    Radiosity,
    Now,
    /// A media block without a method.
    MediaWithoutMethod,
}

/// `assumed_gamma` as the scene has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AssumedGamma {
    Value(f32),
    /// `assumed_gamma srgb`.
    Srgb,
}

/// Where a word stands.
pub struct Context<'a> {
    pub text: &'a SceneText,
    pub items: &'a [Item],
    /// Positions of the words before the braces that are open here, outermost first.
    pub blocks: &'a [usize],
    pub at: usize,
    /// The word is certainly read by POV-Ray.
    pub certain: bool,
}

impl Context<'_> {
    /// The block that the word stands in; empty where a macro or a declaration begins outside any.
    fn block(&self) -> &str {
        self.blocks.last().and_then(|at| self.items.get(*at)).and_then(Item::word).unwrap_or_default()
    }

    fn is_within(&self, block: &str) -> bool {
        self.blocks.iter().any(|at| self.items.get(*at).and_then(Item::word) == Some(block))
    }

    fn next(&self) -> Option<&Item> {
        self.items.get(self.at + 1)
    }

    /// The literal number behind the word.
    fn number(&self) -> Option<f32> {
        let behind = self.items.get(self.at + 2);
        let is_whole = !behind.is_some_and(|item| b"*/+-".iter().any(|punct| item.is(*punct)));
        self.next().and_then(Item::number).filter(|_| is_whole)
    }

    fn place(&self) -> Place {
        let line = self.items.get(self.at).map_or(0, |item| item.line);
        Place { standard: self.text.standard, file: self.text.name.clone(), line }
    }
}

/// A file and a line, the user's own before POV-Ray's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub standard: bool,
    pub file: String,
    pub line: u32,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Finds {
    /// Each feature's places; true where it is certain.
    pub features: BTreeMap<Feature, BTreeMap<Place, bool>>,
    /// In the order of their finding.
    pub assumed_gammas: Vec<AssumedGamma>,
    /// The scene reads the clock or a frame number.
    pub animated: bool,
}

impl Finds {
    fn add(&mut self, feature: Feature, context: &Context<'_>, certain: bool) {
        let known = self.features.entry(feature).or_default().entry(context.place()).or_insert(false);
        *known |= certain && context.certain;
    }

    /// A name that stands for a texture with `crand` in an include that is not here.
    pub fn known_crand(&mut self, context: &Context<'_>) {
        self.add(Feature::Crand, context, true);
    }

    /// Looks at one word that POV-Ray reads (or may read).
    pub fn word(&mut self, word: &str, context: &Context<'_>) {
        match word {
            "area_light" if context.block() != "photons" => self.add(Feature::AreaLight, context, true),
            "jitter" => self.jitter(context),
            "crand" if context.number() != Some(0.0) => self.add(Feature::Crand, context, context.number().is_some()),
            "method" => self.method(context),
            "media" => self.media(context),
            "subsurface" => self.subsurface(context),
            "isosurface" => self.add(Feature::Isosurface, context, true),
            "evaluate" => {
                self.add(Feature::IsosurfaceEvaluate, context, context.block() == "isosurface");
            }
            "radiosity" if context.next().is_some_and(|next| next.is(b'{')) => {
                self.add(Feature::Radiosity, context, context.is_within("global_settings"));
            }
            "now" => self.add(Feature::Now, context, true),
            "assumed_gamma" => self.assumed_gamma(context),
            "clock" | "clock_delta" | "frame_number" | "initial_frame" | "final_frame" => {
                self.animated |= !context.text.standard;
            }
            _ => {}
        }
    }

    /// `jitter` means something in lights, media, rainbows; that of photons is the same for every strip.
    fn jitter(&mut self, context: &Context<'_>) {
        let is_number = context.number().is_some();
        match context.block() {
            "light_source" => self.add(Feature::JitteredAreaLight, context, true),
            "media" | "rainbow" if context.number() == Some(0.0) => {}
            "media" => self.add(Feature::MediaJitter, context, is_number),
            "rainbow" => self.add(Feature::RainbowJitter, context, is_number),
            "photons" => {}
            // A macro may have opened the block.
            _ if is_number => self.add(Feature::MediaJitter, context, false),
            _ => self.add(Feature::JitteredAreaLight, context, false),
        }
    }

    fn method(&mut self, context: &Context<'_>) {
        let is_media = context.block() == "media";
        match context.number() {
            Some(number) if (1.0..3.0).contains(&number) => self.add(Feature::MediaMethod, context, is_media),
            None if is_media || context.block().is_empty() => self.add(Feature::MediaMethod, context, false),
            _ => {}
        }
    }

    fn media(&mut self, context: &Context<'_>) {
        let Some(end) =
            after_group(&context.items[..context.items.len().min(context.at + MAX_MEDIA)], context.at + 1, b'{', b'}')
        else {
            return;
        };
        let inner = &context.items[context.at + 2..end];
        if !inner.iter().any(|item| item.word() == Some("method")) {
            self.add(Feature::MediaWithoutMethod, context, true);
        }
    }

    fn subsurface(&mut self, context: &Context<'_>) {
        let has_block = context.next().is_some_and(|next| next.is(b'{'));
        match context.block() {
            "global_settings" if has_block => self.add(Feature::SubsurfaceOn, context, true),
            "" if has_block => {
                self.add(Feature::SubsurfaceOn, context, false);
                self.add(Feature::Subsurface, context, false);
            }
            _ if has_block => self.add(Feature::Subsurface, context, true),
            _ => {}
        }
    }

    fn assumed_gamma(&mut self, context: &Context<'_>) {
        let gamma = match context.next() {
            Some(next) if next.word() == Some("srgb") => Some(AssumedGamma::Srgb),
            _ => context.number().filter(|value| value.is_finite() && *value > 0.0).map(AssumedGamma::Value),
        };
        if let Some(gamma) = gamma.filter(|gamma| !self.assumed_gammas.contains(gamma)) {
            self.assumed_gammas.push(gamma);
        }
    }
}
