// assumed_gamma 2.2.
#version 3.7;
global_settings { assumed_gamma 2.2 }
#include "still-life.inc"
