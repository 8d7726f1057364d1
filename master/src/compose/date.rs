//! The moment of the render in the chunks that carry one.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Chunk;

/// A moment of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Moment {
    /// A clock before 1970 or after 9999 counts as 1970.
    fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let seconds = if seconds > 253_402_300_799 { 0 } else { seconds };
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days: years start in March, and
        // 400 of them have 146097 days.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        }
    }

    /// The data of a tIME chunk.
    fn time_chunk(self) -> Vec<u8> {
        let [high, low] = self.year.to_be_bytes();
        vec![high, low, self.month, self.day, self.hour, self.minute, self.second]
    }
}

impl std::fmt::Display for Moment {
    /// As POV-Ray writes it: `2026-11-22 16:33:01Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
    }
}

const RENDER_DATE: &[u8] = b"Render Date: ";

/// The chunk's data with its moment brought to `now`; every other chunk's as they are.
pub(super) fn with_date(chunk: &Chunk, now: SystemTime) -> Vec<u8> {
    match &chunk.kind {
        b"tIME" if chunk.data.len() == 7 => Moment::of(now).time_chunk(),
        b"tEXt" if chunk.data.starts_with(b"Comment\0") => with_render_date(&chunk.data, now),
        _ => chunk.data.clone(),
    }
}

fn with_render_date(text: &[u8], now: SystemTime) -> Vec<u8> {
    let date = Moment::of(now).to_string();
    let mut text = text.to_vec();
    let found = text.windows(RENDER_DATE.len()).position(|window| window == RENDER_DATE);
    let place = found.map(|at| at + RENDER_DATE.len());
    if let Some(old) = place.and_then(|at| text.get_mut(at..at + date.len()))
        && looks_like_a_date(old)
    {
        old.copy_from_slice(date.as_bytes());
    }
    text
}

fn looks_like_a_date(text: &[u8]) -> bool {
    text.iter().zip(b"0000-00-00 00:00:00Z").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn reads(seconds: u64, expected: &str) {
        assert_eq!(Moment::of(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), expected);
    }

    #[test]
    fn moments_are_those_of_date_u() {
        reads(0, "1970-01-01 00:00:00Z");
        reads(951_782_399, "2000-02-28 23:59:59Z");
        reads(951_782_400, "2000-02-29 00:00:00Z");
        reads(1_795_365_181, "2026-11-22 16:33:01Z");
        reads(4_107_542_399, "2100-02-28 23:59:59Z");
        reads(4_107_542_400, "2100-03-01 00:00:00Z");
        reads(253_402_300_799, "9999-12-31 23:59:59Z");
        reads(253_402_300_800, "1970-01-01 00:00:00Z");
    }

    #[test]
    fn a_clock_before_1970_is_no_panic() {
        assert_eq!(Moment::of(UNIX_EPOCH - Duration::from_secs(5)).year, 1970);
    }

    #[test]
    fn only_the_moments_change() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_365_181);
        let chunk = |kind: &[u8; 4], data: &[u8]| Chunk { kind: *kind, data: data.to_vec() };
        assert_eq!(with_date(&chunk(b"tIME", &[0; 7]), now), [0x07, 0xea, 11, 22, 16, 33, 1]);
        assert_eq!(
            with_date(&chunk(b"tEXt", b"Comment\0Render Date: 2001-02-03 04:05:06Z\nPlatform: x\n"), now),
            b"Comment\0Render Date: 2026-11-22 16:33:01Z\nPlatform: x\n"
        );
        for (kind, data) in [
            (b"tEXt", &b"Comment\0Render Date: yesterday, at some hour"[..]),
            (b"tEXt", b"Comment\0Render Date: 2001-02-03"),
            (b"tEXt", b"Software\0Render Date: 2001-02-03 04:05:06Z"),
            (b"gAMA", &[0, 0, 0xb1, 0x8f]),
            (b"tIME", &[1, 2]),
        ] {
            assert_eq!(with_date(&chunk(kind, data), now), data);
        }
    }
}
