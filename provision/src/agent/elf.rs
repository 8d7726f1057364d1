//! Enough of ELF's header to tell for which machine a program was built (System V ABI, chapter 4).

use thiserror::Error;

/// What a program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit ARM with hardware floats.
    Arm,
    /// 64-bit ARM.
    Aarch64,
    /// 64-bit x86.
    X86_64,
}

/// A file that is no program for a node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ElfError {
    /// Not ELF at all.
    #[error("it is no Linux program (no ELF header)")]
    NotElf,
    /// Cut off.
    #[error("it is cut off: the header speaks of {wanted} bytes, there are {there}")]
    Cut {
        /// Bytes that there should be.
        wanted: u64,
        /// Bytes that there are.
        there: u64,
    },
    /// A library or an object file.
    #[error("it is no program (ELF type {0})")]
    NotAProgram(u16),
    /// Another machine.
    #[error("it is built for a machine that no node is ({0})")]
    OtherMachine(String),
}

/// For which machine the program `bytes` was built. A file that was cut off is found by its tables, which come last.
///
/// # Errors
/// See [`ElfError`].
pub fn machine(bytes: &[u8]) -> Result<Machine, ElfError> {
    let there = bytes.len() as u64;
    let wide = match bytes.get(..6) {
        Some([0x7f, b'E', b'L', b'F', class @ (1 | 2), 1]) => *class == 2,
        Some([0x7f, b'E', b'L', b'F', ..]) => return Err(ElfError::OtherMachine("not little-endian".to_owned())),
        _ => return Err(ElfError::NotElf),
    };
    let header = if wide { 64 } else { 52 };
    if there < header {
        return Err(ElfError::Cut { wanted: header, there });
    }
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let word = |at: usize| u64::from(u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    // 2: fixed address; 3: position-independent.
    if !matches!(short(16), 2 | 3) {
        return Err(ElfError::NotAProgram(short(16)));
    }
    let (tables, size, count) = if wide {
        (word(0x28) | (word(0x2c) << 32), short(0x3a), short(0x3c))
    } else {
        (word(0x20), short(0x2e), short(0x30))
    };
    let wanted = tables.saturating_add(u64::from(size) * u64::from(count));
    if wanted > there {
        return Err(ElfError::Cut { wanted, there });
    }
    match (short(18), wide) {
        (62, true) => Ok(Machine::X86_64),
        (183, true) => Ok(Machine::Aarch64),
        // EF_ARM_ABI_FLOAT_HARD
        (40, false) if word(0x24) & 0x400 != 0 => Ok(Machine::Arm),
        (40, false) => Err(ElfError::OtherMachine("ARM without hardware floats".to_owned())),
        (other, _) => Err(ElfError::OtherMachine(format!("ELF machine {other}, {} bits", if wide { 64 } else { 32 }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(class: u8, machine: u16, flags: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
        bytes[16] = 3;
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        if class == 1 {
            bytes[0x24..0x28].copy_from_slice(&flags.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn machines() {
        assert_eq!(machine(&header(2, 62, 0)), Ok(Machine::X86_64));
        assert_eq!(machine(&header(2, 183, 0)), Ok(Machine::Aarch64));
        assert_eq!(machine(&header(1, 40, 0x0500_0400)), Ok(Machine::Arm));
        assert!(matches!(machine(&header(1, 40, 0x0500_0200)), Err(ElfError::OtherMachine(_))));
        assert!(matches!(machine(&header(1, 3, 0)), Err(ElfError::OtherMachine(_))));
        assert_eq!(machine(b"#!/bin/sh\n"), Err(ElfError::NotElf));
    }

    /// This test's own program, whole and cut.
    #[test]
    fn a_real_program() {
        let bytes = std::fs::read(std::env::current_exe().expect("has a path")).expect("reads");
        assert!(machine(&bytes).is_ok());
        assert!(matches!(machine(&bytes[..bytes.len() - 1]), Err(ElfError::Cut { .. })));
        assert!(matches!(machine(&bytes[..1000]), Err(ElfError::Cut { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), elf in any::<bool>()) {
            let mut bytes = bytes;
            if elf && bytes.len() > 6 {
                let class = 1 + bytes[6] % 2;
                bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
            }
            let _ = machine(&bytes);
        }
    }
}
