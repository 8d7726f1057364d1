//! What is replayed: the pixels of a picture that was rendered once, and the cost map of a scene.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use td_agent::pixels::encode::SegmentEncoder;
use td_agent::pixels::png_rows::PngRows;
use td_protocol::pixel::PixelFormat;
use td_protocol::rows::Rows;
use td_protocol::segment::SegmentMeta;

use crate::Result;

/// A segment as it was encoded, by its first row in the recorded picture and its number of rows.
type Encoded = HashMap<(u32, u32), (SegmentMeta, Bytes)>;

/// Pixels and costs, for all agents.
pub struct Recording {
    pub width: u32,
    pub format: PixelFormat,
    rows: Vec<Vec<u8>>,
    encoded: Mutex<Encoded>,
    map: Vec<f64>,
    /// Seconds of the whole picture on one agent.
    seconds: f64,
}

impl Recording {
    pub fn read(picture: &Path, map: &str, seconds: f64) -> Result<Self> {
        let mut png = PngRows::open(BufReader::new(File::open(picture)?))?;
        let (width, format) = (png.width(), png.format());
        let mut rows = Vec::new();
        while let Some(row) = png.next_row()? {
            rows.push(row.to_vec());
        }
        if rows.is_empty() {
            return Err("the recorded picture has no rows".into());
        }
        let map = td::simulate::built_in_map(map).ok_or("no such cost map")?;
        let total: f64 = map.iter().sum();
        let map = map.iter().map(|cost| cost / total).collect();
        Ok(Self { width, format, rows, encoded: Mutex::default(), map, seconds })
    }

    /// What `rows` of a picture of `height` rows cost, in seconds.
    pub fn seconds(&self, rows: Rows, height: u32) -> f64 {
        (self.share_above(rows.end, height) - self.share_above(rows.start, height)) * self.seconds
    }

    fn share_above(&self, row: u32, height: u32) -> f64 {
        let position = f64::from(row) / f64::from(height) * self.map.len() as f64;
        let whole = (position as usize).min(self.map.len());
        let part = self.map.get(whole).map_or(0.0, |cost| cost * (position - whole as f64));
        self.map[..whole].iter().sum::<f64>() + part
    }

    /// `rows` as an agent would send them. Encoded once: what the agents do is not what is measured.
    pub fn segment(&self, rows: Rows) -> Result<(SegmentMeta, Bytes)> {
        let count = u32::try_from(self.rows.len())?;
        let key = (rows.start % count, rows.len());
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        let (meta, data) = match encoded.get(&key) {
            Some((meta, data)) => (meta.clone(), data.clone()),
            None => {
                let mut encoder = SegmentEncoder::new(self.format, self.width);
                for row in rows.start..rows.end {
                    encoder.row(&self.rows[(row % count) as usize])?;
                }
                let (meta, data) = encoder.finish(rows.start)?;
                let made = (meta, Bytes::from(data));
                encoded.insert(key, made.clone());
                made
            }
        };
        Ok((SegmentMeta { rows, ..meta }, data))
    }
}

/// The recording that all agents share.
pub type Shared = Arc<Recording>;
