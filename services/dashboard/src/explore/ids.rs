//! Ids within bytes. Pure.

use std::collections::BTreeSet;

/// A UUID as text, such as the lab's ids are.
pub(crate) type Id = [u8; LENGTH];

const LENGTH: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Every id that the bytes name, whatever stands around it: an Avro string is its text.
pub(super) fn ids(bytes: &[u8]) -> BTreeSet<Id> {
    let found = bytes.windows(LENGTH).filter(|window| is_id(window));
    found.filter_map(|window| window.try_into().ok()).collect()
}

fn is_id(window: &[u8]) -> bool {
    // Most windows end here.
    HYPHENS.iter().all(|&place| window[place] == b'-')
        && window
            .iter()
            .enumerate()
            .all(|(place, byte)| HYPHENS.contains(&place) || matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_between_other_bytes() {
        let (one, other) = ("0190b5a4-7d3c-7000-8000-0000000000aa", "0190b5a4-7d3c-7000-8000-0000000000bb");
        let bytes = [&[0, 0, 0, 0, 7, 72], one.as_bytes(), b"H", other.as_bytes(), b"\xff"].concat();
        let found: Vec<_> =
            ids(&bytes).into_iter().map(|id| String::from_utf8_lossy(&id).into_owned()).collect();
        assert_eq!(found, [one, other]);
        for none in
            [&b""[..], b"0190b5a4-7d3c-7000-8000-0000000000a", b"0190b5a4x7d3c-7000-8000-0000000000aa"]
        {
            assert!(ids(none).is_empty());
        }
    }
}
