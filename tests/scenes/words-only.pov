// Every word that would make a picture inexact, and none that counts: crand, jitter, radiosity, media, area_light.
#version 3.7;
/* global_settings { radiosity { count 10 } }
   finish { crand 0.5 } */
global_settings { assumed_gamma 1.0 }
#declare Jitter = 0.25;
#declare Crand = "crand 0.5";
#declare Radiosity = "radiosity { }";
#declare Unused = texture { pigment { rgb 1 } finish { crand 0.5 } }
#macro Area_Light(Jitter) <Jitter, 5, -4> #end
#debug concat("media ", Crand, Radiosity, "\n")
camera { location <0, 1, -4> look_at y*0.5 }
light_source { Area_Light(-3) rgb 1 }
plane { y, 0 pigment { checker rgb 1 rgb 0.5 } }
sphere { y*0.7, 0.7 pigment { rgb <1, Jitter, 0> } }
