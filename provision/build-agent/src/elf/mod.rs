//! What a finished binary is: read from its ELF headers, so that the check needs no tool and is made after each build.
//!
//! The layout is that of the System V ABI (elf(5)); ARM's build attributes are those of "Addenda to, and Errata in, the
//! ABI for the Arm Architecture". Every offset of the file is checked before it is used: any bytes may be given.

mod arm_attributes;
mod bytes;
mod file;
mod fitness;

pub use arm_attributes::ArmAttributes;
pub use file::{Elf, NotElf};
pub use fitness::{Unfit, check};
