use proptest::prelude::*;

use super::*;

/// One message as POV-Ray writes it; `corners` are left, top, right, bottom.
pub fn block_message(corners: [u32; 4], pixels: &[[f32; 5]]) -> Vec<u8> {
    let floats: Vec<u8> = pixels.iter().flatten().flat_map(|float| float.to_be_bytes()).collect();
    let mut body = Vec::new();
    body.extend_from_slice(b"OBJE");
    body.extend_from_slice(&8_u32.to_be_bytes());
    let mut attribute = |key: &[u8; 4], kind: &[u8; 4], length: usize, data: &[u8]| {
        body.extend_from_slice(key);
        body.extend_from_slice(kind);
        body.extend_from_slice(&(length as u32).to_be_bytes());
        body.extend_from_slice(data);
    };
    attribute(b"OCLA", b"TYPE", 4, b"PixD");
    attribute(b"MSRC", b"ADDR", 10, &[7; 10]);
    attribute(b"PBlo", b"VFL4", floats.len() / 4, &floats);
    attribute(b"PiSi", b"INT4", 4, &1_u32.to_be_bytes());
    for (key, value) in [b"Left", b"Top ", b"Righ", b"Bott"].into_iter().zip(corners) {
        attribute(key, b"INT4", 4, &value.to_be_bytes());
    }
    message(&body)
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut out = b"POVRAYMS".to_vec();
    out.extend_from_slice(&0x370_u32.to_be_bytes());
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(b"RAWS");
    out.extend_from_slice(body);
    out
}

pub fn header() -> Vec<u8> {
    let mut out = b"POV-Ray Render State File\0\0\x000001".to_vec();
    out.resize(HEADER_BYTES, 0xAB);
    out
}

/// A block whose pixels tell where they lie.
pub fn block_at(left: u32, top: u32, right: u32, bottom: u32) -> Vec<u8> {
    let pixels: Vec<_> = (top..=bottom)
        .flat_map(|row| (left..=right).map(move |column| [column as f32, row as f32, 0.25, 9.0, 0.5]))
        .collect();
    block_message([left, top, right, bottom], &pixels)
}

type Owned = (u32, u32, u32, u32, Vec<[u32; 5]>);

fn owned(block: &Block<'_>) -> Owned {
    let pixels = (block.top..=block.bottom).flat_map(|row| block.row(row)).map(|p| p.map(f32::to_bits)).collect();
    (block.left, block.top, block.right, block.bottom, pixels)
}

/// All blocks, and the error that ended them.
fn read_all(width: u32, height: u32, pieces: &[&[u8]]) -> (Vec<Owned>, Option<StateError>) {
    let mut reader = StateReader::new(width, height);
    let mut blocks = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_block() {
                Ok(Some(block)) => blocks.push(owned(&block)),
                Ok(None) => break,
                Err(error) => return (blocks, Some(error)),
            }
        }
    }
    (blocks, None)
}

fn two_blocks() -> Vec<u8> {
    [header(), block_at(0, 0, 31, 15), message(b"OBJE\0\0\0\0"), block_at(32, 0, 39, 15)].concat()
}

#[test]
fn blocks_come_out_with_their_pixels() {
    let (blocks, error) = read_all(40, 16, &[&two_blocks()]);
    assert_eq!(error, None);
    assert_eq!(blocks.len(), 2);
    let (left, top, right, bottom, pixels) = &blocks[1];
    assert_eq!((*left, *top, *right, *bottom), (32, 0, 39, 15));
    assert_eq!(pixels.len(), 8 * 16);
    assert_eq!(pixels[9].map(f32::from_bits), [33.0, 1.0, 0.25, 9.0, 0.5]);
}

#[test]
fn a_torn_tail_waits_for_the_rest() {
    let file = two_blocks();
    let mut reader = StateReader::new(40, 16);
    reader.push(&file[..file.len() - 1]);
    assert!(reader.next_block().unwrap().is_some());
    assert!(reader.next_block().unwrap().is_none());
    let position = reader.position() as usize;
    assert_eq!(position, file.len() - block_at(32, 0, 39, 15).len());
    // After a resume the tail is written anew.
    reader.rewind();
    assert_eq!(reader.expected(), reader.position());
    reader.push(&file[position..]);
    assert_eq!(reader.next_block().unwrap().unwrap().left, 32);
    assert!(reader.next_block().unwrap().is_none());
}

#[test]
fn blocks_of_a_preview_are_passed_over() {
    let mut block = block_at(0, 0, 7, 7);
    let at = block.windows(4).position(|window| window == b"PiSi").unwrap() + 12;
    block[at + 3] = 8;
    let (blocks, error) = read_all(8, 8, &[&header(), &block]);
    assert_eq!((blocks.len(), error), (0, None));
}

#[test]
fn nonsense_is_refused() {
    let head = header();
    let refused = |bytes: &[u8]| read_all(40, 16, &[&head, bytes]).1;
    assert!(matches!(refused(&block_at(32, 0, 40, 15)), Some(StateError::Outside { at: 512, .. })));
    assert!(matches!(refused(&block_at(0, 0, 7, 16)), Some(StateError::Outside { .. })));
    let mut swapped = block_at(4, 0, 4, 15);
    let at = swapped.windows(4).position(|window| window == b"Left").unwrap() + 15;
    swapped[at] = 9;
    assert!(matches!(refused(&swapped), Some(StateError::Outside { .. })));
    let short = block_message([0, 0, 7, 7], &[[0.0; 5]; 63]);
    assert!(matches!(refused(&short), Some(StateError::Message { .. })));
    assert!(matches!(refused(b"POVRAYMX"), Some(StateError::Message { .. })));
    let huge = [b"POVRAYMS".as_slice(), &[0, 0, 3, 0x70], &[0xFF; 4], b"RAWS"].concat();
    assert!(matches!(refused(&huge), Some(StateError::TooLarge { size: u32::MAX, .. })));
    let newer = [b"POVRAYMS".as_slice(), &[0, 0, 3, 0x80], &[0; 4], b"RAWS"].concat();
    assert!(matches!(refused(&newer), Some(StateError::Protocol { found: 0x380, .. })));
    assert!(matches!(read_all(4, 4, &[b"PNG"]).1, Some(StateError::Header(_))));
}

#[test]
fn an_error_stays() {
    let mut reader = StateReader::new(4, 4);
    reader.push(b"no state file");
    let first = reader.next_block().unwrap_err();
    reader.push(&header());
    assert_eq!(reader.next_block().unwrap_err(), first);
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_blocks(cuts in proptest::collection::vec(1..2000_usize, 0..40), flip in any::<Option<(u16, u8)>>()) {
        let mut file = two_blocks();
        if let Some((at, bits)) = flip {
            let at = usize::from(at) % file.len();
            file[at] ^= bits;
        }
        let whole = read_all(40, 16, &[&file]);
        let mut pieces = Vec::new();
        let mut rest = file.as_slice();
        for cut in cuts {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = later;
        }
        pieces.push(rest);
        prop_assert_eq!(read_all(40, 16, &pieces), whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(40, 16, &[&bytes]);
        let _ = read_all(40, 16, &[&header(), &message(&body)]);
        let _ = read_all(u32::MAX, u32::MAX, &[&header(), &message(&[b"OBJE\0\0\0\x08".as_slice(), &body].concat())]);
    }
}
