//! /proc/loadavg.

use td_protocol::health::Load;

/// From the text `1.02 1.00 0.90 2/83 1234`; the cores are those of this process.
#[must_use]
pub fn parse(text: &str) -> Option<Load> {
    let mut numbers = text.split_whitespace().map_while(|word| word.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    Some(Load { one: numbers.next()?, five: numbers.next()?, fifteen: numbers.next()?, cores })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_or_none() {
        let load = parse("1.02 1.00 0.90 2/83 1234\n").unwrap();
        assert!((load.one - 1.02).abs() < 1e-9 && (load.fifteen - 0.9).abs() < 1e-9 && load.cores >= 1);
        assert_eq!(parse("1.02 x"), None);
    }
}
