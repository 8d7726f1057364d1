// Costs next to nothing at any size, and no two rows are alike.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -3> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <-0.3, 0.1, 0>, 1 pigment { rgb <1, 0.2, 0.1> } }
plane { y, -1 pigment { rgb <0.2, 0.3, 0.9> } }
