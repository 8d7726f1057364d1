//! POV-Ray's state file, in pieces of any length: never a panic, and the same blocks however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use td_agent::pixels::state_file::StateReader;

/// Small images, so that blocks of any bytes have a chance to lie inside.
const SIDE: u32 = 64;

/// Blocks up to the end or the first error, as far as they can be told apart, and whether there was an error.
fn read(file: &[u8], piece: usize) -> (Vec<String>, bool) {
    let mut reader = StateReader::new(SIDE, SIDE);
    let mut blocks = Vec::new();
    for piece in file.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next_block() {
                Ok(Some(block)) => blocks.push(format!("{block:?}")),
                Ok(None) => break,
                Err(_) => return (blocks, true),
            }
        }
    }
    (blocks, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((&piece, file)) = data.split_first() else { return };
    let in_pieces = read(file, usize::from(piece).max(1));
    let at_once = read(file, file.len().max(1));
    assert_eq!(in_pieces, at_once);
});
