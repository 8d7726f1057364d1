//! td from the outside: the real binaries, real agents, real POV-Ray.

mod exact;
