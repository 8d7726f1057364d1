//! From packed rows to bands: encoded, kept in the cache, sent.

use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use td_protocol::strip::StripEvent;

use crate::pixels::encode::SegmentEncoder;
use crate::povray::process;
use crate::store::bands::JobBands;
use crate::strip::events::{Events, Gone};

/// Rows of a segment. Not fewer where blocks are lower: each segment begins with an empty deflate window.
const SEGMENT_ROWS: u32 = td_protocol::rows::BAND_ROWS;

/// Takes a strip's rows from the top down.
#[derive(Debug)]
pub struct Outlet {
    width: u32,
    format: PixelFormat,
    bands: JobBands,
    encoder: Option<SegmentEncoder>,
    /// First row of the segment that is being encoded.
    begun: u32,
    next: u32,
    /// POV-Ray's CPU seconds when the last band was sent, and those of the calling thread.
    cpu: f64,
    own_cpu: f64,
}

impl Outlet {
    #[must_use]
    pub fn new(width: u32, format: PixelFormat, start: u32, bands: JobBands) -> Self {
        Self { width, format, bands, encoder: None, begun: start, next: start, cpu: 0.0, own_cpu: 0.0 }
    }

    /// Tracing begins: what POV-Ray has used so far was for reading the scene.
    pub fn begin_tracing(&mut self, cpu: f64) {
        self.cpu = cpu;
        self.own_cpu = process::own_thread_cpu();
    }

    /// The next row that is wanted.
    #[must_use]
    pub fn next_row(&self) -> u32 {
        self.next
    }

    /// Takes the row [`Self::next_row`], packed as in the PNG without its filter byte. `end` is the end of the strip as
    /// it holds now; `cpu` what POV-Ray had used when the row was finished, and `now` what by now.
    ///
    /// # Errors
    /// [`Gone`] when the master no longer listens.
    pub fn row(&mut self, packed: &[u8], end: u32, cpu: f64, now: f64, events: &mut Events<'_>) -> Result<(), Gone> {
        let rows = Rows::new(self.begun, self.begun.saturating_add(SEGMENT_ROWS).min(end));
        let encoder = self.encoder.get_or_insert_with(|| SegmentEncoder::new(self.format, self.width));
        if let Err(error) = encoder.row(packed) {
            tracing::error!("a row cannot be encoded: {error}");
            return Err(Gone);
        }
        self.next += 1;
        if self.next < rows.end {
            return Ok(());
        }
        self.flush(cpu, now, events)
    }

    /// Sends the rows that wait for their segment to fill: the strip has ended here.
    ///
    /// # Errors
    /// [`Gone`] when the master no longer listens.
    pub fn flush(&mut self, cpu: f64, now: f64, events: &mut Events<'_>) -> Result<(), Gone> {
        let Some(encoder) = self.encoder.as_mut().filter(|_| self.begun < self.next) else { return Ok(()) };
        let (segment, data) = encoder.finish(self.begun).map_err(|error| {
            tracing::error!("rows cannot be encoded: {error}");
            Gone
        })?;
        if let Err(error) = self.bands.keep(&segment, &data) {
            tracing::warn!("a finished band is not kept in the cache: {error}");
        }
        self.begun = self.next;
        // The node's processor does both, and the agent's part is larger where rows are cheap.
        let own_cpu = process::own_thread_cpu();
        let spent = (cpu - self.cpu).max(0.0) + (own_cpu - self.own_cpu).max(0.0);
        let event = StripEvent::Rows { segment, cpu: spent, ahead: (now - cpu).max(0.0) };
        (self.cpu, self.own_cpu) = (cpu, own_cpu);
        events.send(&event, &data)
    }
}
