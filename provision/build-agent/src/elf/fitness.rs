//! Whether a binary is what a target needs.

use super::{Elf, NotElf};
use crate::target::Target;

const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
/// The highest `Tag_CPU_arch` that an ARM1176 runs: v6KZ.
const V6KZ: u64 = 7;
const V7: u64 = 10;
const VFPV2: u64 = 2;

/// Why a binary does not do for a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    NotElf(#[from] NotElf),
    #[error("it is for another machine (ELF machine {found}, wanted {wanted})")]
    Machine { found: u16, wanted: u16 },
    #[error("it is not static: it needs {0} on the node")]
    NotStatic(&'static str),
    #[error("it changes its own code pages at start (text relocations)")]
    TextRelocations,
    #[error("it is not stripped")]
    Symbols,
    #[error("it does not say what ARM it is for (no build attributes)")]
    NoAttributes,
    #[error("it does not pass floats in registers (hard float)")]
    SoftFloat,
    #[error("it needs {needs}, which {target} does not have")]
    TooNew { needs: String, target: &'static str },
}

/// Checks what a build made: the right machine, static, without text relocations, stripped; for ARM also the processor's
/// version, VFP and hard float.
///
/// # Errors
/// [`Unfit`], the first that is wrong.
pub fn check(bytes: &[u8], target: Target) -> Result<(), Unfit> {
    let elf = Elf::read(bytes)?;
    let wanted = match target {
        Target::Armv6 | Target::Armv7 => EM_ARM,
        Target::Arm64 => EM_AARCH64,
        Target::X86_64 => EM_X86_64,
    };
    if elf.machine != wanted {
        return Err(Unfit::Machine { found: elf.machine, wanted });
    }
    if elf.has_interpreter {
        return Err(Unfit::NotStatic("a loader"));
    }
    if elf.needs_libraries {
        return Err(Unfit::NotStatic("libraries"));
    }
    if elf.has_text_relocations {
        return Err(Unfit::TextRelocations);
    }
    if elf.has_symbols {
        return Err(Unfit::Symbols);
    }
    match target {
        Target::Armv6 => check_arm(&elf, target, V6KZ),
        Target::Armv7 => check_arm(&elf, target, V7),
        Target::Arm64 | Target::X86_64 => Ok(()),
    }
}

fn check_arm(elf: &Elf, target: Target, highest: u64) -> Result<(), Unfit> {
    let arm = elf.arm.ok_or(Unfit::NoAttributes)?;
    let too_new = |needs: String| Err(Unfit::TooNew { needs, target: target.name() });
    if arm.cpu > highest {
        return too_new(format!("processor architecture {} of the ARM ABI's table", arm.cpu));
    }
    if !elf.hard_float_flag || arm.vfp_arguments != 1 {
        return Err(Unfit::SoftFloat);
    }
    if target == Target::Armv6 && arm.floating_point != VFPV2 {
        return too_new(format!("floating point {} of the ARM ABI's table", arm.floating_point));
    }
    if target == Target::Armv6 && arm.simd != 0 {
        return too_new("NEON".to_owned());
    }
    Ok(())
}
