//! Pictures of 2^31 bytes and more on a 32-bit POV-Ray.
//!
//! POV-Ray keeps a large picture in a file of width x height x 20 bytes. Debian's builds for 32-bit machines open that
//! file with `open`, without `O_LARGEFILE`, and from 2^31 bytes on the kernel refuses what they write there (`EFBIG`): 12800
//! x 9600 pixels end with "Failed to open image buffer". Positions in the file they do count in 64 bits. So all that is
//! missing is the flag, and the C library has the function that sets it: `open64`, which takes the same arguments.
//!
//! For such a picture, and for POV-Ray alone, the agent writes a library of one function into the run's scratch folder:
//! `open`, which jumps to `open64`. The dynamic linker loads it first (`LD_PRELOAD`). It has three instructions, no
//! data but the address that the linker fills in, and no dependency. It is put together here, and not by a compiler,
//! because an agent of 64 bit may have a POV-Ray of 32 bit beside it (Debian's multiarch): each agent would need the
//! compilers of two machines. ELF: System V ABI, chapters 4 and 5, and its supplements for the i386 and for ARM.

use std::io;

use crate::povray::locate::Povray;
use crate::scratch::Scratch;

/// POV-Ray's buffer: five 32-bit floats for each pixel of the whole picture.
const BYTES_PER_PIXEL: u64 = 20;
/// What a file without `O_LARGEFILE` may not reach (`MAX_NON_LFS`).
const LIMIT: u64 = (1 << 31) - 1;
/// Distance of the two parts in memory: the largest page of a machine that runs 32-bit ARM programs.
const PAGE: u32 = 0x1_0000;
/// The file in the scratch folder.
const NAME: &str = "large-file.so";

/// A 32-bit machine for which Debian has POV-Ray.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Machine {
    I386,
    /// ARMv4T and later, whatever registers floats are passed in: no float is passed here.
    Arm,
}

impl Machine {
    /// From the head of an ELF file: class, then `e_machine`. `None` for 64 bit, for another machine and for no ELF file.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        // Class 1: 32 bit. Data 1: little-endian.
        let bytes = head.strip_prefix(b"\x7fELF\x01\x01")?;
        match bytes.get(12..14)? {
            [3, 0] => Some(Self::I386),
            [40, 0] => Some(Self::Arm),
            _ => None,
        }
    }

    /// `e_machine` and `e_flags` (ARM: EABI version 5).
    const fn head(self) -> (u16, u32) {
        match self {
            Self::I386 => (3, 0),
            Self::Arm => (40, 0x0500_0000),
        }
    }

    /// The relocation that puts a symbol's address into a word: `R_386_GLOB_DAT`, `R_ARM_GLOB_DAT`.
    const fn relocation(self) -> u32 {
        match self {
            Self::I386 => 6,
            Self::Arm => 21,
        }
    }

    /// Jumps to the address in the word at `slot`; the code itself lies at `at`. Arguments and the way back stay as they are.
    fn jump(self, at: u32, slot: u32) -> Vec<u8> {
        match self {
            Self::I386 => {
                // call 1f; 1: pop %eax; jmp *(slot - 1b)(%eax)
                let mut code = vec![0xe8, 0, 0, 0, 0, 0x58, 0xff, 0xa0];
                code.extend(slot.wrapping_sub(at + 5).to_le_bytes());
                code
            }
            Self::Arm => {
                // ldr ip, 1f; add ip, ip, pc; ldr pc, [ip]; 1: .word slot - here, `pc` being 8 bytes ahead
                let words = [0xe59f_c004, 0xe08c_c00f, 0xe59c_f000, slot.wrapping_sub(at + 12)];
                words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect()
            }
        }
    }
}

/// Whether a POV-Ray of 32 bit needs help with a picture of this size.
#[must_use]
pub const fn is_needed(width: u32, height: u32) -> bool {
    width as u64 * height as u64 * BYTES_PER_PIXEL > LIMIT
}

/// The machine of a POV-Ray that needs the [library] for a picture of this size.
#[must_use]
pub fn needed_by(povray: &Povray, width: u32, height: u32) -> Option<Machine> {
    povray.machine.filter(|_| is_needed(width, height))
}

/// The value of `LD_PRELOAD` for this run; `None` where the picture is small enough or POV-Ray is of 64 bit.
///
/// # Errors
/// When the library cannot be written into the scratch folder.
pub fn preload(povray: &Povray, scratch: &Scratch, width: u32, height: u32) -> io::Result<Option<std::ffi::OsString>> {
    let Some(machine) = needed_by(povray, width, height) else { return Ok(None) };
    let path = scratch.beside(NAME);
    // The linker takes a blank and a colon for the end of a name.
    if path.as_os_str().as_encoded_bytes().iter().any(|byte| b" :".contains(byte)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the cache folder's name has a blank or a colon, which a 32-bit POV-Ray cannot have for a picture of this size",
        ));
    }
    std::fs::write(&path, library(machine))?;
    Ok(Some(path.into_os_string()))
}

/// The shared library.
#[must_use]
pub fn library(machine: Machine) -> Vec<u8> {
    const NAMES: &[u8] = b"\0open\0open64\0";
    let [head, segments, symbols_length, hash_length]: [u32; 4] = [52, 4 * 32, 3 * 16, 6 * 4];
    let symbols = head + segments;
    let hash = symbols + symbols_length;
    let relocation = hash + hash_length;
    let names = relocation + 8;
    let code = (names + NAMES.len() as u32).next_multiple_of(16);
    let read_only = code + 16;
    // The second part: what the linker reads and the word that it fills in, on a page that may be written.
    let dynamic_at = PAGE + read_only;
    let dynamic: [[u32; 2]; 9] = [
        [4, hash],                // DT_HASH
        [5, names],               // DT_STRTAB
        [6, symbols],             // DT_SYMTAB
        [10, NAMES.len() as u32], // DT_STRSZ
        [11, 16],                 // DT_SYMENT
        [17, relocation],         // DT_REL
        [18, 8],                  // DT_RELSZ
        [19, 8],                  // DT_RELENT
        [0, 0],                   // DT_NULL
    ];
    let dynamic_bytes = 8 * dynamic.len() as u32;
    let slot = dynamic_at + dynamic_bytes;
    let writable = dynamic_bytes + 4;

    let mut file = Words(Vec::new());
    let (kind, flags) = machine.head();
    file.0.extend(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    file.halves(&[3, kind]); // ET_DYN
    file.words(&[1, 0, head, 0, flags]);
    file.halves(&[52, 32, 4, 40, 0, 0]);
    // Type, offset, address (twice), length in the file and in memory, flags (4 read, 2 write, 1 execute), alignment.
    file.words(&[1, 0, 0, 0, read_only, read_only, 5, PAGE]); // PT_LOAD
    file.words(&[1, read_only, dynamic_at, dynamic_at, writable, writable, 6, PAGE]);
    file.words(&[2, read_only, dynamic_at, dynamic_at, dynamic_bytes, dynamic_bytes, 6, 4]); // PT_DYNAMIC
    file.words(&[0x6474_e551, 0, 0, 0, 0, 0, 6, 16]); // PT_GNU_STACK: nothing here needs a stack that can be executed
    // Name, value, size, then: global function; defined or (section 0) not.
    file.words(&[0, 0, 0, 0]);
    file.words(&[1, code, 16, 0x0001_0012]);
    file.words(&[6, 0, 0, 0x0000_0012]);
    // One bucket with both names in a chain.
    file.words(&[1, 3, 1, 0, 2, 0]);
    file.words(&[slot, 2 << 8 | machine.relocation()]);
    file.0.extend(NAMES);
    file.0.resize(code as usize, 0);
    file.0.extend(machine.jump(code, slot));
    file.0.resize(read_only as usize, 0);
    file.words(dynamic.as_flattened());
    file.words(&[0]);
    file.0
}

/// Little-endian numbers, one behind the other.
struct Words(Vec<u8>);

impl Words {
    fn words(&mut self, words: &[u32]) {
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    fn halves(&mut self, halves: &[u16]) {
        self.0.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_picture_needs_it_and_the_largest_that_worked_does_not() {
        assert!(is_needed(12_800, 9_600));
        assert!(is_needed(11_585, 9_269));
        assert!(!is_needed(11_000, 9_000));
        // The last byte below the limit.
        assert!(!is_needed(1, 107_374_182) && is_needed(1, 107_374_183));
    }

    #[test]
    fn only_small_machines_have_one() {
        let head = |class: u8, machine: u8| {
            let mut head = [0; 20];
            head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
            head[18] = machine;
            Machine::of(&head)
        };
        assert_eq!(head(1, 3), Some(Machine::I386));
        assert_eq!(head(1, 40), Some(Machine::Arm));
        // x86-64, ARM64, 32-bit MIPS; and what is no program.
        assert_eq!((head(2, 62), head(2, 183), head(1, 8), Machine::of(b"#!/bin/sh\n")), (None, None, None, None));
    }

    /// `readelf` reads what was put together: nothing overlaps, and each address is where the table says.
    #[test]
    fn the_library_is_well_formed() {
        for machine in [Machine::I386, Machine::Arm] {
            let bytes = library(machine);
            assert_eq!(Machine::of(&bytes), Some(machine));
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let load = |number: usize| (0..8).map(|i| word(52 + 32 * number + 4 * i)).collect::<Vec<_>>();
            let (code, data) = (load(0), load(1));
            assert_eq!(data[1], code[4], "the parts follow each other");
            assert_eq!((data[1] + data[4]) as usize, bytes.len());
            assert_eq!(data[2] % PAGE, data[1] % PAGE, "a page of the file is a page of memory");
            assert_eq!((code[6], data[6]), (5, 6), "nothing is both written and executed");
            let slot = word(52 + 128 + 48 + 24);
            assert_eq!(slot, data[2] + data[4] - 4);
        }
    }
}
