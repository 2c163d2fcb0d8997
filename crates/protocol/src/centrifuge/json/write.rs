//! Writes JSON objects as the schema wants them: what is zero or empty is left out.

use super::data::encode_base64;

/// An object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    /// Length of `out` behind the brace: where nothing was added, the next field needs no comma.
    start: usize,
}

impl<'o> Object<'o> {
    /// Writes an object, whose fields `fields` adds.
    pub(super) fn write(out: &'o mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let start = out.len();
        let mut object = Object { out, start };
        fields(&mut object);
        object.out.push(b'}');
    }

    pub(super) fn text(&mut self, key: &'static str, value: &str) -> &mut Self {
        if !value.is_empty() {
            self.key(key);
            string(value, self.out);
        }
        self
    }

    pub(super) fn number(&mut self, key: &'static str, value: impl Into<i128>) -> &mut Self {
        let value: i128 = value.into();
        if value != 0 {
            self.key(key);
            integer(value, self.out);
        }
        self
    }

    pub(super) fn flag(&mut self, key: &'static str, value: bool) -> &mut Self {
        if value {
            self.key(key);
            self.out.extend_from_slice(b"true");
        }
        self
    }

    /// A payload: a JSON value that is put in as it is.
    pub(super) fn raw(&mut self, key: &'static str, value: &[u8]) -> &mut Self {
        if !value.is_empty() {
            self.key(key);
            self.out.extend_from_slice(value);
        }
        self
    }

    /// A payload that is no JSON.
    pub(super) fn base64(&mut self, key: &'static str, value: &[u8]) -> &mut Self {
        if !value.is_empty() {
            self.key(key);
            encode_base64(value, self.out);
        }
        self
    }

    /// An object, which is written even if it has no fields: that it is there says which message this is.
    pub(super) fn object(&mut self, key: &'static str, fields: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.key(key);
        Object::write(self.out, fields);
        self
    }

    /// A list of objects, left out when empty.
    pub(super) fn objects<T>(
        &mut self,
        key: &'static str,
        items: &[T],
        fields: impl Fn(&mut Object<'_>, &T),
    ) -> &mut Self {
        if items.is_empty() {
            return self;
        }
        self.key(key);
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            Object::write(self.out, |object| fields(object, item));
        }
        self.out.push(b']');
        self
    }

    /// A list of strings, left out when empty.
    pub(super) fn texts(&mut self, key: &'static str, items: &[impl AsRef<str>]) -> &mut Self {
        if items.is_empty() {
            return self;
        }
        self.key(key);
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            string(item.as_ref(), self.out);
        }
        self.out.push(b']');
        self
    }

    /// A map, left out when empty; `entry` writes a value.
    pub(super) fn map<'m, K: AsRef<str> + 'm, V: 'm>(
        &mut self,
        key: &'static str,
        entries: impl IntoIterator<Item = (&'m K, &'m V)>,
        entry: impl Fn(&mut Vec<u8>, &V),
    ) -> &mut Self {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_none() {
            return self;
        }
        self.key(key);
        self.out.push(b'{');
        for (index, (name, value)) in entries.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            string(name.as_ref(), self.out);
            self.out.push(b':');
            entry(self.out, value);
        }
        self.out.push(b'}');
        self
    }

    fn key(&mut self, key: &'static str) {
        if self.out.len() > self.start {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Writes a string (RFC 8259 §7): quotation mark, reverse solidus and control characters are escaped, all else
/// stands as UTF-8.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[written..at]);
        written = at + 1;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0C => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xF)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Writes a whole number, of which the schema's are at most 64 bits and a sign.
fn integer(value: i128, out: &mut Vec<u8>) {
    // 19 digits are u64's, a twentieth and the sign complete it.
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut left = u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX);
    while left > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_the_rfc_wants() {
        for text in ["", "plain", "é€😀", "\"\\/", "\u{8}\u{c}\n\r\t", "\u{0}\u{1f}\u{7f}\u{2028}", "end\n"]
        {
            let json = written(|out| string(text, out));
            assert!(!json.contains(['\n', '\r']), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn integers_reach_both_ends() {
        for value in [0, 1, 9, 10, 1_234_567_890, i128::from(u64::MAX), i128::from(i64::MIN), -1] {
            assert_eq!(written(|out| integer(value, out)), value.to_string());
        }
    }

    #[test]
    fn zero_and_empty_are_left_out() {
        let json = written(|out| {
            Object::write(out, |object| {
                object.text("a", "").number("b", 0u32).flag("c", false).raw("d", b"");
                object.objects("e", &[] as &[u8], |_, _| {}).map(
                    "f",
                    &BTreeMap::<String, u8>::new(),
                    |_, _| {},
                );
                object.object("g", |_| {}).number("h", -1i64).flag("i", true);
            });
        });
        assert_eq!(json, r#"{"g":{},"h":-1,"i":true}"#);
    }
}
