//! Whole numbers of as few bytes as they need, seven bits a byte, the lowest first.

/// The most bytes that 64 bits need.
const BYTES_MAX: usize = 10;

/// Takes a number from the front of `rest`; `None` if it is cut short or has more than 64 bits.
pub(super) fn read(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (index, &byte) in rest.iter().take(BYTES_MAX).enumerate() {
        let bits = u64::from(byte & 0x7F);
        if index == BYTES_MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            *rest = &rest[index + 1..];
            return Some(value);
        }
    }
    None
}

/// Takes as many bytes from the front of `rest` as the number before them says; `None` if there are not so many.
pub(super) fn read_delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read(rest)?).ok()?;
    let (delimited, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(delimited)
}

/// Appends a number.
pub(super) fn write(value: u64, out: &mut Vec<u8>) {
    let (bytes, count) = encode(value);
    out.extend_from_slice(&bytes[..count]);
}

/// Puts the length of all that follows `start` there.
pub(super) fn insert_length(start: usize, out: &mut Vec<u8>) {
    let (bytes, count) = encode((out.len() - start) as u64);
    out.splice(start..start, bytes[..count].iter().copied());
}

fn encode(mut value: u64) -> ([u8; BYTES_MAX], usize) {
    let mut bytes = [0; BYTES_MAX];
    let mut count = 0;
    while value >= 0x80 {
        bytes[count] = value as u8 | 0x80;
        value >>= 7;
        count += 1;
    }
    bytes[count] = value as u8;
    (bytes, count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_few_bytes_as_they_need() {
        let table: [(u64, &[u8]); 7] = [
            (0, &[0]),
            (1, &[1]),
            (127, &[0x7F]),
            (128, &[0x80, 1]),
            (300, &[0xAC, 2]),
            (u64::from(u32::MAX), &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
            (u64::MAX, &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
        ];
        for (value, bytes) in table {
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out, bytes, "{value}");
            let mut rest = bytes;
            assert_eq!(read(&mut rest), Some(value));
            assert!(rest.is_empty());
            for end in 0..bytes.len() {
                assert_eq!(read(&mut &bytes[..end]), None, "{value} cut at {end}");
            }
        }
    }

    #[test]
    fn more_bytes_than_needed_are_read_and_more_bits_than_64_are_not() {
        assert_eq!(read(&mut [0x80, 0x80, 0].as_slice()), Some(0));
        let nine = [0xFF; 9];
        assert_eq!(read(&mut [&nine[..], &[1]].concat().as_slice()), Some(u64::MAX));
        assert_eq!(read(&mut [&nine[..], &[2]].concat().as_slice()), None);
        assert_eq!(read(&mut [&nine[..], &[0x81, 0]].concat().as_slice()), None);
        assert_eq!(read(&mut [0x80; 11].as_slice()), None);
    }

    #[test]
    fn a_length_is_held_against_what_is_there() {
        assert_eq!(read_delimited(&mut [2, 7, 8, 9].as_slice()), Some([7, 8].as_slice()));
        assert_eq!(read_delimited(&mut [3, 7, 8].as_slice()), None);
        let huge = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(read_delimited(&mut huge.as_slice()), None);
    }

    #[test]
    fn lengths_are_put_in_front() {
        for length in [0, 1, 127, 128, 20_000] {
            let mut out = b"before".to_vec();
            out.resize(6 + length, b'x');
            insert_length(6, &mut out);
            let mut rest = out.strip_prefix(b"before").unwrap();
            assert_eq!(read_delimited(&mut rest).map(<[u8]>::len), Some(length));
            assert!(rest.is_empty());
        }
    }
}
