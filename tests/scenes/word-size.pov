// Procedural textures that POV-Ray of 32 and of 64 bit draw differently, for the tests of fingerprint groups.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1.2, -5> look_at <0, 0.4, 0> }
light_source { <4, 6, -5> rgb 1 }
plane { y, -0.6 pigment { granite scale 1.5 color_map { [0 rgb <0.1, 0.2, 0.3>] [1 rgb <0.9, 0.8, 0.6>] } } }
sphere { <-1.2, 0.4, 0>, 1 pigment { bozo turbulence 0.8 color_map { [0 rgb <1, 0.9, 0.2>] [1 rgb <0.1, 0.1, 0.6>] } } }
sphere { <1.2, 0.4, 0>, 1 pigment { crackle scale 0.4 color_map { [0 rgb 0] [0.5 rgb <0.8, 0.2, 0.1>] } } normal { bumps 0.6 scale 0.2 } }
