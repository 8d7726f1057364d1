// A background that lets through, and light beyond white before it: the colours that alpha divides.
#version 3.7;
global_settings { assumed_gamma 2.2 }
background { rgbt <0.3, 0.1, 0.6, 0.4> }
camera { location <0, 0, -4> look_at 0 }
light_source { <-3, 5, -4> rgb 3 }
sphere { 0, 1 pigment { rgbft <1, 0.6, 0.2, 0.2, 0.3> } finish { specular 1 } }
torus { 1.3, 0.1 rotate x*60 pigment { gradient x color_map { [0 rgbt <1, 1, 0, 1>] [1 rgbt <0, 1, 1, 0>] } } }
