// Radiosity: strips of it show seams.
#version 3.7;
global_settings { assumed_gamma 1.0 radiosity { pretrace_start 0.08 pretrace_end 0.04 count 20 recursion_limit 1 } }
camera { location <0, 1, -4> look_at y*0.5 }
light_source { <-3, 5, -4> rgb 0.6 }
plane { y, 0 pigment { rgb <0.9, 0.7, 0.5> } }
plane { -z, -3 pigment { rgb <0.4, 0.6, 0.9> } }
sphere { y*0.7, 0.7 pigment { rgb 0.9 } }
