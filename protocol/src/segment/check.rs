//! The check of one segment, in memory that does not depend on what the segment says or holds.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{FINAL_BLOCK, MAX_SEGMENT_LEN, SegmentError, SegmentMeta, raw_len};
use crate::hash::ContentHash;
use crate::pixel::PixelFormat;
use crate::rows::Rows;

/// Inflated bytes at a time.
const OUTPUT_LEN: usize = 64 * 1024;

/// So many of the segment's last bytes are inflated together with the probe that follows them.
const LAST_LEN: usize = 64;

/// Whether `data` is the segment that `meta` says, of the rows that were due, and can be joined to others.
///
/// # Errors
/// [`SegmentError`]: the first thing that is wrong.
pub fn check_segment(
    meta: &SegmentMeta,
    data: &[u8],
    width: u32,
    format: PixelFormat,
    expected: Rows,
) -> Result<(), SegmentError> {
    check_segment_with(meta, data, width, format, expected, |_| {})
}

/// As [`check_segment`]; `pixels` sees the inflated bytes (PNG's filtered rows, filter bytes included) on the way,
/// in pieces of any length. It may have seen some when an error is returned: keep nothing of them then.
///
/// # Errors
/// [`SegmentError`]: the first thing that is wrong.
pub fn check_segment_with(
    meta: &SegmentMeta,
    data: &[u8],
    width: u32,
    format: PixelFormat,
    expected: Rows,
    pixels: impl FnMut(&[u8]),
) -> Result<(), SegmentError> {
    let needed = check_claims(meta, data, width, format, expected)?;
    let got = ContentHash::of(data);
    if got != meta.sha256 {
        return Err(SegmentError::WrongHash { rows: meta.rows, stated: meta.sha256, got });
    }
    let filters = FilterBytes { rows: meta.rows, stride: 1 + format.row_bytes(width), row: 0, next: 0 };
    let mut pass = Pass {
        rows: meta.rows,
        needed,
        inflate: Inflate::new(false, 15),
        output: vec![0; OUTPUT_LEN],
        written: 0,
        adler: simd_adler32::Adler32::new(),
        filters,
        pixels,
    };
    pass.run(data)?;
    let got = pass.adler.finish();
    if got != meta.adler32 {
        return Err(SegmentError::WrongAdler { rows: meta.rows, stated: meta.adler32, got });
    }
    Ok(())
}

/// All that can be refused without looking into the data. Returns the bytes that the rows must inflate to.
fn check_claims(
    meta: &SegmentMeta,
    data: &[u8],
    width: u32,
    format: PixelFormat,
    expected: Rows,
) -> Result<u64, SegmentError> {
    let rows = meta.rows;
    if rows != expected || rows.is_empty() {
        return Err(SegmentError::WrongRows { expected, got: rows });
    }
    let got = data.len() as u64;
    if got < meta.len {
        return Err(SegmentError::Half { rows, stated: meta.len, got });
    }
    if got > meta.len {
        return Err(SegmentError::Excess { rows, stated: meta.len, got });
    }
    let needed = raw_len(rows, width, format);
    let Some(needed) = needed.filter(|needed| *needed == meta.raw_len) else {
        return Err(SegmentError::WrongRawLength { rows, stated: meta.raw_len, needed: needed.unwrap_or(u64::MAX) });
    };
    // The worst honest encoder writes nine bits for a byte, or a stored block's header now and then. More than this
    // is empty blocks, which cost time and give no pixels.
    let most = (needed + needed / 4).saturating_add(1024).min(MAX_SEGMENT_LEN);
    if got > most {
        return Err(SegmentError::TooLarge { rows, len: got, needed, most });
    }
    Ok(needed)
}

/// One pass of the inflater over a segment.
struct Pass<F> {
    rows: Rows,
    needed: u64,
    inflate: Inflate,
    output: Vec<u8>,
    written: u64,
    adler: simd_adler32::Adler32,
    filters: FilterBytes,
    pixels: F,
}

/// Where one call of the inflater stopped.
enum Stop {
    /// Behind the end of a deflate block, with input and room for output left.
    BlockEnd,
    /// The input is used up, or the output is full.
    Starved,
    /// The stream was closed by a final block.
    StreamEnd,
}

impl<F: FnMut(&[u8])> Pass<F> {
    /// Inflates everything, then proves that the segment ends where a block ends and a byte ends.
    ///
    /// How: the inflater stops behind each block (`Z_BLOCK`). The last bytes go in together with a final block that is
    /// not the segment's. A segment that ends inside a block takes bytes of that block for its own. One that ends with
    /// a block, but inside a byte, stops at the right place with 1 to 7 bits left over, and those make something else of the
    /// final block: a header of the reserved type, a stored block without its length, a dynamic one without its
    /// tables, or a fixed one whose first symbol is not the end of the block. Only from the right state do exactly these two
    /// bytes close the stream without giving a pixel.
    fn run(&mut self, data: &[u8]) -> Result<(), SegmentError> {
        let (body, last) = data.split_at(data.len().saturating_sub(LAST_LEN));
        self.inflate_all(body)?;

        let mut with_final = [0; LAST_LEN + FINAL_BLOCK.len()];
        let with_final = &mut with_final[..last.len() + FINAL_BLOCK.len()];
        with_final[..last.len()].copy_from_slice(last);
        with_final[last.len()..].copy_from_slice(&FINAL_BLOCK);
        self.inflate_last(with_final, data.len() as u64)?;

        if self.written != self.needed {
            return Err(SegmentError::TooShort { rows: self.rows, got: self.written, needed: self.needed });
        }
        self.close()
    }

    fn inflate_all(&mut self, mut input: &[u8]) -> Result<(), SegmentError> {
        while !input.is_empty() {
            let before = self.inflate.total_in();
            match self.step(input, u64::MAX)? {
                Stop::BlockEnd | Stop::Starved => {}
                Stop::StreamEnd => return Err(SegmentError::FinalBlock { rows: self.rows }),
            }
            input = rest_of(input, self.inflate.total_in() - before);
        }
        Ok(())
    }

    /// `input` is the segment's last bytes and the final block; the segment ends at `end`.
    fn inflate_last(&mut self, input: &[u8], end: u64) -> Result<(), SegmentError> {
        let start = self.inflate.total_in();
        if start == end {
            return Ok(());
        }
        loop {
            let stop = self.step(rest_of(input, self.inflate.total_in() - start), end)?;
            match stop {
                Stop::StreamEnd => return Err(SegmentError::FinalBlock { rows: self.rows }),
                Stop::BlockEnd if self.inflate.total_in() == end => return Ok(()),
                Stop::BlockEnd | Stop::Starved => {}
            }
        }
    }

    /// Feeds the final block and nothing else.
    fn close(&mut self) -> Result<(), SegmentError> {
        let before = self.inflate.total_in();
        let written = self.written;
        let mut input = &FINAL_BLOCK[..];
        loop {
            let fed = self.inflate.total_in();
            let stop = self.step(input, u64::MAX).map_err(|_| SegmentError::Unaligned { rows: self.rows })?;
            input = rest_of(input, self.inflate.total_in() - fed);
            match stop {
                Stop::StreamEnd if self.inflate.total_in() == before => {
                    return Err(SegmentError::FinalBlock { rows: self.rows });
                }
                Stop::StreamEnd if input.is_empty() && self.written == written => return Ok(()),
                Stop::BlockEnd | Stop::Starved if self.inflate.total_in() > fed => {}
                _ => return Err(SegmentError::Unaligned { rows: self.rows }),
            }
        }
    }

    /// One call of the inflater. An open block may not take bytes from `end` on: they are not the segment's own.
    fn step(&mut self, input: &[u8], end: u64) -> Result<Stop, SegmentError> {
        // Room for one byte too many shows a bomb at once. And the last byte due never fills the output, so that a
        // stop with room left and input left is the end of a block and nothing else.
        let left = self.needed - self.written;
        let room = usize::try_from(left)
            .map_or(OUTPUT_LEN, |left| if left < OUTPUT_LEN { left + 1 } else { OUTPUT_LEN.min(left - 1) });
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, &mut self.output[..room], InflateFlush::Block);
        if self.inflate.total_in() > end {
            return Err(self.open_block());
        }
        let status = match result {
            Ok(status) => status,
            Err(_) => {
                let reason = self.inflate.error_message().unwrap_or("invalid data").to_owned();
                return Err(SegmentError::Garbage { rows: self.rows, at: self.inflate.total_in(), reason });
            }
        };
        let taken = (self.inflate.total_in() - before.0) as usize;
        let given = (self.inflate.total_out() - before.1) as usize;
        self.written += given as u64;
        if self.written > self.needed {
            return Err(SegmentError::TooLong { rows: self.rows, needed: self.needed });
        }
        self.filters.see(&self.output[..given])?;
        self.adler.write(&self.output[..given]);
        (self.pixels)(&self.output[..given]);
        match status {
            Status::StreamEnd => Ok(Stop::StreamEnd),
            _ if taken == 0 && given == 0 => Err(self.open_block()),
            _ if taken < input.len() && given < room => Ok(Stop::BlockEnd),
            _ => Ok(Stop::Starved),
        }
    }

    fn open_block(&self) -> SegmentError {
        SegmentError::OpenBlock { rows: self.rows, got: self.written, needed: self.needed }
    }
}

fn rest_of(input: &[u8], taken: u64) -> &[u8] {
    usize::try_from(taken).ok().and_then(|taken| input.get(taken..)).unwrap_or_default()
}

/// Looks at the filter byte of each row as the inflated bytes go by.
struct FilterBytes {
    rows: Rows,
    /// From one filter byte to the next.
    stride: u64,
    /// Rows seen so far.
    row: u32,
    /// Bytes from here to the next filter byte.
    next: u64,
}

impl FilterBytes {
    fn see(&mut self, bytes: &[u8]) -> Result<(), SegmentError> {
        let len = bytes.len() as u64;
        while self.next < len {
            let filter = bytes[self.next as usize];
            if filter > 4 {
                let row = self.rows.start.saturating_add(self.row).saturating_add(1);
                return Err(SegmentError::UnknownFilter { rows: self.rows, row, filter });
            }
            if self.row == 0 && filter > 1 {
                return Err(SegmentError::DependentFirstRow { rows: self.rows, filter });
            }
            self.row = self.row.saturating_add(1);
            self.next += self.stride;
        }
        self.next -= len;
        Ok(())
    }
}
