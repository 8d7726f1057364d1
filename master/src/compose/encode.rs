//! Making segments on the master: for black rows, and for what is left of a segment whose other rows came before.

use flate2::{Compress, Compression, FlushCompress};
use td_protocol::rows::Rows;
use td_protocol::segment::{ADLER32_OF_NOTHING, SegmentMeta};

use super::Segment;

/// Deflated bytes grow by at least so much at a time.
const GROWTH: usize = 16 * 1024;

/// Filtered rows go in, one segment comes out.
pub(super) struct SegmentEncoder {
    deflate: Compress,
    adler: simd_adler32::Adler32,
    raw_len: u64,
    data: Vec<u8>,
}

impl SegmentEncoder {
    pub(super) fn new() -> Self {
        Self {
            deflate: Compress::new(Compression::default(), false),
            adler: simd_adler32::Adler32::from_checksum(ADLER32_OF_NOTHING),
            raw_len: 0,
            data: Vec::new(),
        }
    }

    /// Takes filtered bytes, whole rows or parts of them.
    pub(super) fn push(&mut self, filtered: &[u8]) {
        self.adler.write(filtered);
        self.raw_len += filtered.len() as u64;
        self.deflate(filtered, FlushCompress::None);
    }

    /// Ends on a byte boundary with a sync flush, without a final block.
    pub(super) fn finish(mut self, rows: Rows) -> Segment {
        self.deflate(&[], FlushCompress::Sync);
        let meta = SegmentMeta::describe(rows, &self.data, self.raw_len, self.adler.finish());
        Segment { meta, data: self.data }
    }

    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress) {
        loop {
            if self.data.spare_capacity_mut().len() < GROWTH / 2 {
                self.data.reserve(GROWTH);
            }
            let before = self.deflate.total_in();
            // Deflating into a growing vector has no way to fail; were there one, the segment's own check would
            // refuse what comes out.
            if self.deflate.compress_vec(input, &mut self.data, flush).is_err() {
                return;
            }
            let taken = (self.deflate.total_in() - before) as usize;
            input = input.get(taken..).unwrap_or_default();
            // Room left means that nothing is waiting inside.
            if input.is_empty() && !self.data.spare_capacity_mut().is_empty() {
                return;
            }
        }
    }
}
