//! Small scenes that several modules use.

/// Renders in no time, any rows.
pub const SMALL: &str = "#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> rgb 1 }
plane { y, 0 pigment { checker rgb 0.9 rgb 0.5 } }
sphere { y*0.7, 0.7 pigment { rgb <1, 0.3, 0> } }
";

/// Small in every respect but time: each pixel costs some hundred rays, 800x600 a few minutes.
pub const SLOW: &str = "#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 aperture 0.4 focal_point y*0.5 blur_samples 400 confidence 0.999999 variance 0 }
light_source { <-3, 5, -4> rgb 1 }
light_source { <3, 5, -4> rgb 0.3 }
plane { y, 0 pigment { granite scale 0.3 } finish { reflection 0.2 } }
sphere { y*0.7, 0.7 pigment { bozo scale 0.1 } finish { reflection 0.3 } }
";

/// The size for most pictures of [`SMALL`].
pub const SIZE: [&str; 2] = ["+W97", "+H71"];

/// The size at which [`SLOW`] takes far longer than any test waits.
pub const LONG: [&str; 2] = ["+W1600", "+H1200"];
