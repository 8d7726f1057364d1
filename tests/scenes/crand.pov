// Grain from crand: every render of a part has other grains.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> rgb 1 }
plane { y, 0 pigment { checker rgb 0.9 rgb 0.5 } finish { crand 0.1 } }
sphere { y*0.7, 0.7 pigment { rgb <1, 0.3, 0> } finish { crand 0.2 } }
