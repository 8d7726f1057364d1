//! RFC 1951 read literally, bit by bit, with the exact place where the blocks end. Slow, for tests.

pub struct End {
    pub output: Vec<u8>,
    /// Bits used, up to the end of the last whole block.
    pub bits: usize,
    /// Whether a final block was seen.
    pub closed: bool,
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn one(&mut self) -> Option<usize> {
        let byte = *self.data.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(usize::from(bit))
    }

    fn number(&mut self, len: usize) -> Option<usize> {
        let mut value = 0;
        for bit in 0..len {
            value |= self.one()? << bit;
        }
        Some(value)
    }

    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for len in 1..=15 {
            value |= self.one()?;
            let count = code.counts[len];
            if value < first + count {
                return Some(code.symbols[index + value - first]);
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }
}

struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    /// `None` for lengths that make no code; one lone code of one bit is allowed where zlib allows it.
    fn new(lengths: &[usize], lone: bool) -> Option<Self> {
        let mut counts = [0; 16];
        for &len in lengths {
            counts[len] += 1;
        }
        counts[0] = 0;
        let mut left = 1_i64;
        for count in &counts[1..] {
            left = left * 2 - *count as i64;
            if left < 0 {
                return None;
            }
        }
        let used: usize = counts.iter().sum();
        if left > 0 && !(lone && (used == 0 || (used == 1 && counts[1] == 1))) {
            return None;
        }
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| (lengths[symbol], symbol));
        Some(Self { counts, symbols })
    }
}

/// All whole blocks; `None` where the data are wrong, stop inside a block, or give more than `most` bytes.
pub fn blocks(data: &[u8], most: usize) -> Option<End> {
    let mut bits = Bits { data, at: 0 };
    let mut end = End { output: Vec::new(), bits: 0, closed: false };
    while end.bits < data.len() * 8 && !end.closed {
        end.closed = bits.one()? == 1;
        match bits.number(2)? {
            0 => stored(&mut bits, &mut end.output)?,
            1 => {
                let lengths: Vec<usize> = (0..288)
                    .map(|s| {
                        if s < 144 {
                            8
                        } else if s < 256 {
                            9
                        } else if s < 280 {
                            7
                        } else {
                            8
                        }
                    })
                    .collect();
                compressed(
                    &mut bits,
                    &mut end.output,
                    &Code::new(&lengths, false)?,
                    &Code::new(&[5; 32], false)?,
                    most,
                )?;
            }
            2 => {
                let (literals, distances) = tables(&mut bits)?;
                compressed(&mut bits, &mut end.output, &literals, &distances, most)?;
            }
            _ => return None,
        }
        if end.output.len() > most {
            return None;
        }
        end.bits = bits.at;
    }
    Some(end)
}

fn stored(bits: &mut Bits, output: &mut Vec<u8>) -> Option<()> {
    bits.at = bits.at.next_multiple_of(8);
    let len = bits.number(16)?;
    if bits.number(16)? != len ^ 0xffff {
        return None;
    }
    for _ in 0..len {
        output.push(bits.number(8)? as u8);
    }
    Some(())
}

fn tables(bits: &mut Bits) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, lengths) = (bits.number(5)? + 257, bits.number(5)? + 1, bits.number(4)? + 4);
    if literals > 286 || distances > 30 {
        return None;
    }
    let mut of_lengths = [0; 19];
    for &symbol in &ORDER[..lengths] {
        of_lengths[symbol] = bits.number(3)?;
    }
    let code = Code::new(&of_lengths, false)?;
    let mut all = Vec::new();
    while all.len() < literals + distances {
        let (value, count) = match bits.symbol(&code)? {
            16 => (*all.last()?, 3 + bits.number(2)?),
            17 => (0, 3 + bits.number(3)?),
            18 => (0, 11 + bits.number(7)?),
            len => (len, 1),
        };
        all.extend(std::iter::repeat_n(value, count));
    }
    if all.len() > literals + distances || all[256] == 0 {
        return None;
    }
    Some((Code::new(&all[..literals], true)?, Code::new(&all[literals..], true)?))
}

fn compressed(bits: &mut Bits, output: &mut Vec<u8>, literals: &Code, distances: &Code, most: usize) -> Option<()> {
    const BASE: [usize; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ];
    const EXTRA: [usize; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    loop {
        match bits.symbol(literals)? {
            literal @ 0..=255 => output.push(literal as u8),
            256 => return Some(()),
            symbol => {
                let len = *BASE.get(symbol - 257)? + bits.number(EXTRA[symbol - 257])?;
                let symbol = bits.symbol(distances)?;
                let distance = match symbol {
                    0..=3 => symbol + 1,
                    4..=29 => {
                        let extra = symbol / 2 - 1;
                        ((2 + symbol % 2) << extra) + 1 + bits.number(extra)?
                    }
                    _ => return None,
                };
                for _ in 0..len {
                    output.push(*output.get(output.len().checked_sub(distance)?)?);
                }
            }
        }
        if output.len() > most {
            return None;
        }
    }
}
