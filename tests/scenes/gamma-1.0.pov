// assumed_gamma 1.0.
#version 3.7;
global_settings { assumed_gamma 1.0 }
#include "still-life.inc"
