//! Headers, segments, the dynamic table, sections.

use super::arm_attributes::ArmAttributes;
use super::bytes::{u16_at, u32_at, word_at};

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const SHT_SYMTAB: u32 = 2;
const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
const DT_NULL: usize = 0;
const DT_NEEDED: usize = 1;
const DT_TEXTREL: usize = 22;
const DT_FLAGS: usize = 30;
const DF_TEXTREL: usize = 4;
/// `e_flags` of ARM: arguments in floating-point registers.
const EF_ARM_ABI_FLOAT_HARD: u32 = 0x400;

/// What the headers of one executable say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    pub is_64: bool,
    /// `e_machine`: 40 ARM, 183 AArch64, 62 x86-64.
    pub machine: u16,
    /// A program interpreter is named: the binary is not static.
    pub has_interpreter: bool,
    /// Libraries that it wants at run time.
    pub needs_libraries: bool,
    /// Code pages would be changed at start.
    pub has_text_relocations: bool,
    /// A symbol table is there: not stripped.
    pub has_symbols: bool,
    /// ARM only: the header's flag for hard float.
    pub hard_float_flag: bool,
    /// ARM only: the build attributes.
    pub arm: Option<ArmAttributes>,
}

/// Bytes that are no little-endian ELF executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no ELF executable of a little-endian machine")]
pub struct NotElf;

/// Where the fields of a header lie, in 32- and 64-bit files.
struct Layout {
    is_64: bool,
}

impl Layout {
    const fn pick(&self, small: usize, large: usize) -> usize {
        if self.is_64 { large } else { small }
    }
}

impl Elf {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`NotElf`] for anything that is not one, or is cut short.
    pub fn read(bytes: &[u8]) -> Result<Self, NotElf> {
        Self::try_read(bytes).ok_or(NotElf)
    }

    fn try_read(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..4)? != b"\x7fELF" || *bytes.get(5)? != 1 {
            return None;
        }
        let is_64 = match bytes.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let layout = Layout { is_64 };
        let mut elf = Self {
            is_64,
            machine: u16_at(bytes, 18)?,
            has_interpreter: false,
            needs_libraries: false,
            has_text_relocations: false,
            has_symbols: false,
            hard_float_flag: u32_at(bytes, layout.pick(36, 48))? & EF_ARM_ABI_FLOAT_HARD != 0,
            arm: None,
        };
        elf.read_segments(bytes, &layout)?;
        elf.read_sections(bytes, &layout)?;
        Some(elf)
    }

    fn read_segments(&mut self, bytes: &[u8], layout: &Layout) -> Option<()> {
        let is_64 = layout.is_64;
        let table = word_at(bytes, layout.pick(28, 32), is_64)?;
        let entry = usize::from(u16_at(bytes, layout.pick(42, 54))?);
        let count = usize::from(u16_at(bytes, layout.pick(44, 56))?);
        for number in 0..count {
            let at = table.checked_add(number.checked_mul(entry)?)?;
            match u32_at(bytes, at)? {
                PT_INTERP => self.has_interpreter = true,
                PT_DYNAMIC => {
                    let offset = word_at(bytes, at.checked_add(layout.pick(4, 8))?, is_64)?;
                    let size = word_at(bytes, at.checked_add(layout.pick(16, 32))?, is_64)?;
                    self.read_dynamic(bytes.get(offset..offset.checked_add(size)?)?, is_64);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn read_dynamic(&mut self, table: &[u8], is_64: bool) {
        let word = if is_64 { 8 } else { 4 };
        for entry in table.chunks_exact(2 * word) {
            let (Some(tag), Some(value)) = (word_at(entry, 0, is_64), word_at(entry, word, is_64)) else { return };
            match tag {
                DT_NULL => return,
                DT_NEEDED => self.needs_libraries = true,
                DT_TEXTREL => self.has_text_relocations = true,
                DT_FLAGS => self.has_text_relocations |= value & DF_TEXTREL != 0,
                _ => {}
            }
        }
    }

    fn read_sections(&mut self, bytes: &[u8], layout: &Layout) -> Option<()> {
        let is_64 = layout.is_64;
        let table = word_at(bytes, layout.pick(32, 40), is_64)?;
        let entry = usize::from(u16_at(bytes, layout.pick(46, 58))?);
        let count = usize::from(u16_at(bytes, layout.pick(48, 60))?);
        for number in 0..count {
            let at = table.checked_add(number.checked_mul(entry)?)?;
            match u32_at(bytes, at.checked_add(4)?)? {
                SHT_SYMTAB => self.has_symbols = true,
                SHT_ARM_ATTRIBUTES => {
                    let offset = word_at(bytes, at.checked_add(layout.pick(16, 24))?, is_64)?;
                    let size = word_at(bytes, at.checked_add(layout.pick(20, 32))?, is_64)?;
                    self.arm = ArmAttributes::read(bytes.get(offset..offset.checked_add(size)?)?);
                }
                _ => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_test_itself_is_read() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::read(&bytes).unwrap();
        assert_eq!(elf.is_64, cfg!(target_pointer_width = "64"));
        assert!(elf.has_symbols && elf.has_interpreter && elf.needs_libraries);
        assert!(!elf.has_text_relocations);
    }

    #[test]
    fn a_file_that_is_cut_is_refused_or_read_and_never_a_panic() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in 0..4096 {
            let _ = Elf::read(&bytes[..length]);
        }
        assert_eq!(Elf::read(&bytes[..64]), Err(NotElf));
    }

    proptest! {
        #[test]
        fn any_bytes_behind_the_magic(is_64 in 1_u8..=2, rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = b"\x7fELF".to_vec();
            bytes.extend([is_64, 1, 1]);
            bytes.extend(rest);
            let _ = Elf::read(&bytes);
        }
    }
}
