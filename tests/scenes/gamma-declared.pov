// assumed_gamma from the command line: Declare=Gamma=1.5.
#version 3.7;
#ifndef (Gamma) #declare Gamma = 1.0; #end
global_settings { assumed_gamma Gamma }
#include "still-life.inc"
