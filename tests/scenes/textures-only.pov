// Includes textures.inc and stones1.inc, which declare textures with crand, and uses none of those: exact, any row.
#version 3.7;
global_settings { assumed_gamma 1.0 }
#include "colors.inc"
#include "textures.inc"
#include "stones1.inc"
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> White }
plane { y, 0 pigment { checker White, Gray50 } }
sphere { y*0.7, 0.7 texture { Brass_Metal } }
