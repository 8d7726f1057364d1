//! The language versions that a scene asks for.

use super::assets::Assets;
use super::class::Item;

impl Assets {
    /// The first `#version` of the scene's own text.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let items = &self.texts.get(&self.scene_text)?.code.items;
        versions_in(items).next().map(|version| format!("{version:?}"))
    }

    /// Every literal `#version` in the user's texts.
    pub(super) fn versions(&self) -> Vec<f32> {
        self.texts.values().filter(|text| !text.standard).flat_map(|text| versions_in(&text.code.items)).collect()
    }
}

fn versions_in(items: &[Item]) -> impl Iterator<Item = f32> {
    items
        .windows(2)
        .filter(|pair| pair[0].directive() == Some("version"))
        .filter_map(|pair| pair[1].number())
        .filter(|version| (1.0..100.0).contains(version))
}
