//! Bytes as people look at them. Pure.

use std::fmt::Write as _;

/// Bytes that are shown of one value.
pub(crate) const MOST: usize = 4 * 1024;
const IN_A_LINE: usize = 16;

/// Lines of an offset, sixteen bytes in hex, and what of them is text.
pub(crate) fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, chunk) in bytes[..bytes.len().min(MOST)].chunks(IN_A_LINE).enumerate() {
        let _ = write!(text, "{:04x} ", line * IN_A_LINE);
        for place in 0..IN_A_LINE {
            let gap = if place == IN_A_LINE / 2 { " " } else { "" };
            let _ = match chunk.get(place) {
                Some(byte) => write!(text, "{gap} {byte:02x}"),
                None => write!(text, "{gap}   "),
            };
        }
        text.push_str("  ");
        text.extend(
            chunk.iter().map(|&byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }),
        );
        text.push('\n');
    }
    text
}

/// Bytes as text where they are text without control characters, else in hex.
pub(crate) fn text_or_hex(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => bytes.iter().fold("0x".to_owned(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_what_hexdump_shows() {
        let lines = dump(b"\x00\x00\x00\x00\x07H0190b5a4-7d3c");
        assert_eq!(
            lines,
            "0000  00 00 00 00 07 48 30 31  39 30 62 35 61 34 2d 37  .....H0190b5a4-7\n\
             0010  64 33 63                                          d3c\n"
        );
        assert_eq!(dump(&[0; MOST + 1]).lines().count(), MOST / IN_A_LINE);
    }

    #[test]
    fn bytes_that_are_no_text_are_hex() {
        for (bytes, shown) in
            [(&b"abc \xc3\xa9"[..], "abc é"), (b"a\x00b", "0x610062"), (b"\xff", "0xff"), (b"", "")]
        {
            assert_eq!(text_or_hex(bytes), shown);
        }
    }
}
