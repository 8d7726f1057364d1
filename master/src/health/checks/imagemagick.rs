//! ImageMagick, for the paper's way of rendering.

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::plain;

pub static IMAGEMAGICK_CHECK: Check = Check {
    name: "imagemagick",
    meaning: "Whether ImageMagick is installed, which `td render --method classic` joins its strips with. td's own way does \
              not need it.",
    when: "warn: it is not installed",
    remedy: "`td-provision apply` installs it (the package `imagemagick`).",
    limit: None,
    look: |seen| {
        let Some(slow) = seen.slow() else { return Finding::unsupported(seen.no_slow()) };
        match &slow.imagemagick {
            Some(version) => Finding::ok(plain(version), format!("ImageMagick {}", plain(version))),
            None if slow.packages_known => {
                Finding::warn("missing", "ImageMagick is missing, which --method classic needs: td-provision apply")
            }
            None => Finding::unsupported("the probe could not ask for packages"),
        }
    },
};
