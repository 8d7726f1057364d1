// #version 3.6 without assumed_gamma: linear samples.
#version 3.6;
#include "still-life.inc"
