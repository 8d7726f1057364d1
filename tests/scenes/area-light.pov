// An area light without jitter: exact where strips begin at rows 32k + 1.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> rgb 1 area_light x*2, z*2, 5, 5 adaptive 1 }
plane { y, 0 pigment { checker rgb 0.9 rgb 0.5 } }
sphere { y*0.7, 0.7 pigment { rgb <1, 0.3, 0> } }
