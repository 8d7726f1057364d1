use proptest::prelude::*;

use super::super::state_file::StateReader;
use super::super::state_file::tests::{block_at, header};
use super::*;

/// Adds the blocks in the given order and returns all rows that came out.
fn assemble(width: u32, height: u32, assembler: &mut RowAssembler, blocks: &[[u32; 4]]) -> Vec<(u32, Vec<Pixel>)> {
    let mut reader = StateReader::new(width, height);
    reader.push(&header());
    let mut rows = Vec::new();
    for &[left, top, right, bottom] in blocks {
        reader.push(&block_at(left, top, right, bottom));
        assembler.add(&reader.next_block().unwrap().unwrap()).unwrap();
        while let Some(run) = assembler.next_run() {
            rows.extend((run.rows.start..).zip(run.iter().map(<[Pixel]>::to_vec)));
        }
    }
    rows
}

fn pixel(column: u32, row: u32) -> Pixel {
    Pixel { red: column as f32, green: row as f32, blue: 0.25, transmit: 0.5 }
}

/// The blocks of a part, in raster order.
fn grid(rows: Rows, columns: Rows, side: u32) -> Vec<[u32; 4]> {
    let mut blocks = Vec::new();
    for top in (rows.start..rows.end).step_by(side as usize) {
        for left in (columns.start..columns.end).step_by(side as usize) {
            blocks.push([left, top, (left + side).min(columns.end) - 1, (top + side).min(rows.end) - 1]);
        }
    }
    blocks
}

#[test]
fn columns_outside_the_part_are_opaque_black() {
    let (rows, columns) = (Rows::new(10, 90), Rows::new(20, 100));
    let mut assembler = RowAssembler::new(150, rows, columns).unwrap();
    let out = assemble(150, 130, &mut assembler, &grid(rows, columns, 32));
    assert_eq!(out.len(), 80);
    let (row, pixels) = &out[40];
    assert_eq!((*row, pixels.len()), (50, 150));
    assert_eq!(
        (pixels[19], pixels[20], pixels[99], pixels[100]),
        (Pixel::OUTSIDE, pixel(20, 50), pixel(99, 50), Pixel::OUTSIDE)
    );
    assert!(assembler.wanted().is_empty());
}

#[test]
fn a_smaller_strip_takes_parts_of_blocks() {
    let mut assembler = RowAssembler::new(8, Rows::new(0, 64), Rows::new(0, 8)).unwrap();
    assembler.shrink(40);
    let out = assemble(8, 64, &mut assembler, &grid(Rows::new(0, 64), Rows::new(0, 8), 32));
    assert_eq!(out.iter().map(|(row, _)| *row).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
}

#[test]
fn a_shrink_applies_to_waiting_rows() {
    let mut assembler = RowAssembler::new(64, Rows::new(0, 64), Rows::new(0, 64)).unwrap();
    assert!(assemble(64, 64, &mut assembler, &[[0, 0, 31, 31]]).is_empty());
    assembler.shrink(20);
    let out = assemble(64, 64, &mut assembler, &[[32, 0, 63, 31]]);
    assert_eq!(out.len(), 20);
}

#[test]
fn blocks_off_the_grid_are_refused() {
    let mut assembler = RowAssembler::new(64, Rows::new(0, 64), Rows::new(0, 64)).unwrap();
    let mut reader = StateReader::new(64, 64);
    reader.push(&[header(), block_at(0, 0, 31, 31), block_at(32, 16, 63, 47), block_at(32, 0, 63, 15)].concat());
    assembler.add(&reader.next_block().unwrap().unwrap()).unwrap();
    for _ in 0..2 {
        let error = assembler.add(&reader.next_block().unwrap().unwrap());
        assert!(matches!(error, Err(AssemblyError::Grid { .. })));
    }
    assert!(RowAssembler::new(64, Rows::new(0, 1), Rows::new(0, 65)).is_err());
    assert!(RowAssembler::new(0, Rows::new(0, 1), Rows::new(0, 0)).is_err());
}

#[test]
fn too_many_waiting_rows_are_refused() {
    let mut assembler = RowAssembler::new(64, Rows::new(0, 640), Rows::new(0, 64)).unwrap();
    let mut reader = StateReader::new(64, 640);
    reader.push(&header());
    let mut last = Ok(());
    for top in (0..640).step_by(32) {
        reader.push(&block_at(0, top, 31, top + 31));
        last = assembler.add(&reader.next_block().unwrap().unwrap());
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(AssemblyError::Scattered { waiting: MAX_WAITING }));
}

/// One thread is at a block that costs more than all others together.
#[test]
fn in_a_view_all_rows_may_wait() {
    let mut assembler = RowAssembler::new(64, Rows::new(0, 640), Rows::new(0, 64)).unwrap().of_any_order();
    let rights = (0..640).step_by(32).map(|top| [32, top, 63, top + 31]);
    let lefts = (32..640).step_by(32).map(|top| [0, top, 31, top + 31]);
    let blocks: Vec<[u32; 4]> = rights.chain(lefts).collect();
    assert!(assemble(64, 640, &mut assembler, &blocks).is_empty());
    assert_eq!(assemble(64, 640, &mut assembler, &[[0, 0, 31, 31]]).len(), 640);
}

proptest! {
    #[test]
    fn any_order_gives_every_row_once(
        (start, end) in (0..100_u32, 1..100_u32), (left, right) in (0..80_u32, 1..80_u32), side in 8..40_u32, seed in any::<u64>(), repeat in any::<bool>(),
    ) {
        let rows = Rows::new(start, start + end);
        let columns = Rows::new(left, left + right);
        let mut blocks = grid(rows, columns, side);
        if repeat {
            blocks.extend(blocks.clone());
        }
        // Shuffled within a window of rows of blocks.
        let window = (MAX_WAITING * (right.div_ceil(side) as usize)).min(blocks.len()) / 2;
        for at in 0..blocks.len() {
            let far = at + (seed.wrapping_mul(at as u64 + 1) >> 33) as usize % window.max(1);
            if far < blocks.len() && !repeat {
                blocks.swap(at, far);
            }
        }
        let mut assembler = RowAssembler::new(200, rows, columns).unwrap();
        let mut reader = StateReader::new(200, 200);
        reader.push(&header());
        let mut next = rows.start;
        for [left, top, right, bottom] in blocks {
            reader.push(&block_at(left, top, right, bottom));
            match assembler.add(&reader.next_block().unwrap().unwrap()) {
                Ok(()) => {}
                Err(AssemblyError::Scattered { .. }) => return Ok(()),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
            while let Some(run) = assembler.next_run() {
                prop_assert_eq!(run.rows.start, next);
                for (row, pixels) in (run.rows.start..).zip(run.iter()) {
                    for (column, found) in (0..).zip(pixels) {
                        let inside = columns.start <= column && column < columns.end;
                        prop_assert_eq!(*found, if inside { pixel(column, row) } else { Pixel::OUTSIDE });
                    }
                }
                next = run.rows.end;
            }
        }
        prop_assert_eq!(next, rows.end);
    }
}
