//! A simulation as a picture: one line for each slot, time from left to right.
