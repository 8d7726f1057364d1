// assumed_gamma 1.8.
#version 3.7;
global_settings { assumed_gamma 1.8 }
#include "still-life.inc"
