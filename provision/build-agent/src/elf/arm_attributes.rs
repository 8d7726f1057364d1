//! The section `.ARM.attributes`: what the code needs of the processor.

use super::bytes::u32_at;

const TAG_FILE: u8 = 1;
const TAG_CPU_RAW_NAME: u64 = 4;
const TAG_CPU_NAME: u64 = 5;
const TAG_CPU_ARCH: u64 = 6;
const TAG_FP_ARCH: u64 = 10;
const TAG_ADVANCED_SIMD_ARCH: u64 = 12;
const TAG_ABI_VFP_ARGS: u64 = 28;
const TAG_COMPATIBILITY: u64 = 32;

/// The attributes of a whole file, as numbers of the ABI's tables. What is not said is 0, as the ABI has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArmAttributes {
    /// `Tag_CPU_arch`: 6 is v6, 7 v6KZ (ARM1176), 10 v7.
    pub cpu: u64,
    /// `Tag_FP_arch`: 2 is VFPv2, 3 VFPv3, 4 VFPv3-D16.
    pub floating_point: u64,
    /// `Tag_Advanced_SIMD_arch`: not 0 means NEON.
    pub simd: u64,
    /// `Tag_ABI_VFP_args`: 1 means arguments in VFP registers.
    pub vfp_arguments: u64,
}

impl ArmAttributes {
    /// Reads the section; `None` where it is damaged or has no attributes of the whole file.
    #[must_use]
    pub fn read(section: &[u8]) -> Option<Self> {
        let mut rest = section.strip_prefix(b"A")?;
        while !rest.is_empty() {
            let length = usize::try_from(u32_at(rest, 0)?).ok()?;
            let (vendor, following) = (rest.get(4..length)?, rest.get(length..)?);
            if let Some(subsections) = vendor.strip_prefix(b"aeabi\0") {
                return Self::of_file(subsections);
            }
            rest = following;
        }
        None
    }

    fn of_file(mut rest: &[u8]) -> Option<Self> {
        while !rest.is_empty() {
            let length = usize::try_from(u32_at(rest, 1)?).ok()?;
            if *rest.first()? == TAG_FILE {
                return Self::pairs(rest.get(5..length)?);
            }
            // A length that does not lead on would hold the reader for ever.
            rest = rest.get(length.max(5)..)?;
        }
        None
    }

    fn pairs(mut rest: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        while !rest.is_empty() {
            let tag = uleb128(&mut rest)?;
            let is_text = tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME || (tag > 32 && tag % 2 == 1);
            if is_text {
                skip_text(&mut rest)?;
                continue;
            }
            let value = uleb128(&mut rest)?;
            match tag {
                TAG_CPU_ARCH => found.cpu = value,
                TAG_FP_ARCH => found.floating_point = value,
                TAG_ADVANCED_SIMD_ARCH => found.simd = value,
                TAG_ABI_VFP_ARGS => found.vfp_arguments = value,
                TAG_COMPATIBILITY => skip_text(&mut rest)?,
                _ => {}
            }
        }
        Some(found)
    }
}

fn uleb128(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, following) = rest.split_first()?;
        *rest = following;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn skip_text(rest: &mut &[u8]) -> Option<()> {
    let end = rest.iter().position(|&byte| byte == 0)?;
    *rest = rest.get(end + 1..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A section with these attributes of the whole file.
    fn section(pairs: &[u8]) -> Vec<u8> {
        let mut file = vec![TAG_FILE];
        file.extend((pairs.len() as u32 + 5).to_le_bytes());
        file.extend(pairs);
        let mut out = b"A".to_vec();
        out.extend((file.len() as u32 + 4 + 6).to_le_bytes());
        out.extend(b"aeabi\0");
        out.extend(file);
        out
    }

    #[test]
    fn an_arm1176_with_vfp() {
        let bytes = section(b"\x05ARM1176JZF-S\0\x06\x07\x0a\x02\x1c\x01\x22\x01");
        let wanted = ArmAttributes { cpu: 7, floating_point: 2, simd: 0, vfp_arguments: 1 };
        assert_eq!(ArmAttributes::read(&bytes), Some(wanted));
        assert_eq!(ArmAttributes::read(&bytes[..bytes.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes(rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = b"A".to_vec();
            bytes.extend(&rest);
            let _ = ArmAttributes::read(&bytes);
            let _ = ArmAttributes::read(&section(&rest));
        }
    }
}
