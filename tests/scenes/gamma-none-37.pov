// #version 3.7 without assumed_gamma: as 1.0, with a warning.
#version 3.7;
#include "still-life.inc"
