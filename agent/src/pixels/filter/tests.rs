use proptest::prelude::*;

use super::super::unfilter::unfilter;
use super::*;

proptest! {
    #[test]
    fn unfilter_takes_a_filter_back(
        pixel_bytes in 1..=8_usize, width in 1..20_usize, kind in 0..5_u8, seed in proptest::collection::vec(any::<u8>(), 320),
    ) {
        let length = pixel_bytes * width;
        let (row, above) = (&seed[..length], &seed[160..160 + length]);
        let filter = [Filter::None, Filter::Sub, Filter::Up, Filter::Average, Filter::Paeth][usize::from(kind)];
        let mut filtered = Vec::new();
        apply(filter, row, above, pixel_bytes, &mut filtered);
        unfilter(kind, &mut filtered, above, pixel_bytes).unwrap();
        prop_assert_eq!(filtered, row);
    }
}

#[test]
fn the_first_row_uses_none_or_sub() {
    let mut filter = RowFilter::new(3);
    let row: Vec<u8> = (0..=255).collect();
    assert_eq!(filter.filter(&row, None)[0], Filter::Sub as u8);
    assert_eq!(filter.filter(&row, Some(&row))[0], Filter::Up as u8);
    assert_eq!(filter.filter(&[0; 9], None)[0], Filter::None as u8);
}

#[test]
fn cost_counts_bytes_as_signed() {
    assert_eq!(cost(&[0, 1, 127, 128, 255]), 1 + 127 + 128 + 1);
}

#[test]
fn filters_above_four_are_unknown() {
    assert!(unfilter(5, &mut [0], &[0], 1).is_err());
}
