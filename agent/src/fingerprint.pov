// td's fingerprint: noise, turbulence and trigonometry in 64 x 64 pixels.
// POV-Rays that draw this alike draw alike; 32-bit and 64-bit builds do not.
#version 3.7;
global_settings { assumed_gamma 2.2 }
camera { location <0, 1.5, -4> look_at <0, 0.4, 0> angle 50 }
light_source { <4, 6, -5> rgb 1 }
background { rgb <0.2, 0.35, 0.6> }
plane {
  y, -0.6
  texture {
    pigment { granite turbulence 0.6 color_map { [0 rgb <0.9, 0.8, 0.6>] [0.5 rgb <0.3, 0.2, 0.1>] [1 rgb 0.9] } }
    normal { bumps 0.4 scale 0.2 }
  }
}
sphere {
  <-0.9, 0.3, 0>, 0.85
  texture {
    pigment { crackle scale 0.35 turbulence 0.2 color_map { [0 rgb <0.1, 0.1, 0.3>] [0.3 rgb <0.9, 0.3, 0.2>] [1 rgb <1, 0.9, 0.5>] } }
    finish { specular 0.6 roughness 0.02 reflection 0.2 }
  }
}
isosurface {
  function { x*x + y*y + z*z - 0.5 + 0.12*sin(9*x)*cos(7*y + 3*z) }
  contained_by { sphere { 0, 1.1 } }
  max_gradient 4
  translate <0.95, 0.3, -0.1>
  texture {
    pigment { bozo turbulence 0.5 scale 0.3 color_map { [0 rgb <0.2, 0.5, 0.2>] [1 rgb <0.8, 0.95, 0.6>] } }
    normal { wrinkles 0.5 scale 0.3 }
    finish { phong 0.7 }
  }
}
