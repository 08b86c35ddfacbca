//! Sets of numbers as bits, to be stored: 4,096 numbers are one block of 512 bytes, however many ranges they make. A service
//! that catches up reads one partition, then the next, and so has thousands of ranges for a while.

use crate::Ranges;

/// Numbers in a block.
const NUMBERS: i64 = 4096;
/// Bytes of a block that is not whole.
const BYTES: usize = 512;

/// What was stored is no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("block {block} has {bytes} bytes, not {BYTES}")]
pub struct NoBlock {
    pub block: i64,
    pub bytes: usize,
}

/// The block that a number is in.
pub const fn block_of(number: i64) -> i64 {
    number.div_euclid(NUMBERS)
}

impl Ranges {
    /// A block's numbers, lowest bit of the first byte first; no byte at all where the block is whole.
    pub fn bits(&self, block: i64) -> Vec<u8> {
        let first = block * NUMBERS;
        let inside = self.within(first, first + (NUMBERS - 1));
        if inside.pairs().eq([(first, first + (NUMBERS - 1))]) {
            return Vec::new();
        }
        let mut bits = vec![0; BYTES];
        for number in inside.pairs().flat_map(|(from, to)| from..=to) {
            let at = number.abs_diff(first);
            #[allow(clippy::cast_possible_truncation)] // below NUMBERS
            let byte = at as usize / 8;
            bits[byte] |= 1 << (at % 8);
        }
        bits
    }

    /// Adds a block's numbers.
    pub fn add_bits(&mut self, block: i64, bits: &[u8]) -> Result<(), NoBlock> {
        let first = block * NUMBERS;
        if bits.is_empty() {
            self.add(first, first + (NUMBERS - 1));
            return Ok(());
        }
        if bits.len() != BYTES {
            return Err(NoBlock { block, bytes: bits.len() });
        }
        let is_set = |at: usize| bits[at / 8] & (1 << (at % 8)) != 0;
        let mut at = 0;
        while at < BYTES * 8 {
            let end = (at..BYTES * 8).find(|at| !is_set(*at)).unwrap_or(BYTES * 8);
            if end > at {
                let offset = |at: usize| first + i64::try_from(at).expect("below 4,096");
                self.add(offset(at), offset(end - 1));
            }
            at = end + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_block_takes_no_byte_and_a_cut_one_is_refused() {
        let all: Ranges = [(4096, 8191)].into_iter().collect();
        assert!(all.bits(1).is_empty());
        assert_eq!(all.bits(0), vec![0; 512]);
        assert_eq!(Ranges::default().add_bits(3, &[1, 2]), Err(NoBlock { block: 3, bytes: 2 }));
    }

    #[test]
    fn the_ends_of_the_numbers_are_in_blocks_too() {
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            let one: Ranges = [(number, number)].into_iter().collect();
            let mut read = Ranges::default();
            read.add_bits(block_of(number), &one.bits(block_of(number))).expect("a block");
            assert_eq!(read, one, "{number}");
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_in_blocks_is_read_again(
            pairs in proptest::collection::vec((0_i64..20_000, 0_i64..6_000), 0..40)
        ) {
            let numbers: Ranges = pairs.into_iter().map(|(first, length)| (first, first + length)).collect();
            let mut read = Ranges::default();
            for block in 0..=block_of(26_000) {
                read.add_bits(block, &numbers.bits(block)).expect("a block");
            }
            prop_assert_eq!(read, numbers);
        }
    }
}
