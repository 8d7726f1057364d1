// No #version, no assumed_gamma: linear samples, as POV-Ray 3.6 wrote them.
#include "still-life.inc"
