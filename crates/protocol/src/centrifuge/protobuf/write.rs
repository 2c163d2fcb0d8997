//! Writes the fields of messages as the schema wants them: what is zero or empty is left out.

use super::varint;

const VARINT: u32 = 0;
const DELIMITED: u32 = 2;

/// The fields of a message that is being written.
pub(super) struct Fields<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Fields<'o> {
    /// Writes a message behind its length, which `add` gives its fields.
    pub(super) fn write(out: &'o mut Vec<u8>, add: impl FnOnce(&mut Fields<'_>)) {
        let start = out.len();
        add(&mut Fields { out });
        varint::insert_length(start, out);
    }

    /// Writes a message that nothing follows, without its length.
    pub(super) fn write_plain(out: &'o mut Vec<u8>, add: impl FnOnce(&mut Fields<'_>)) {
        add(&mut Fields { out });
    }

    pub(super) fn text(&mut self, number: u32, value: &str) -> &mut Self {
        self.bytes(number, value.as_bytes())
    }

    /// Negative numbers take ten bytes, as those of 64 bits, whatever their type.
    pub(super) fn number(&mut self, number: u32, value: impl Into<i128>) -> &mut Self {
        let value: i128 = value.into();
        if value != 0 {
            self.key(number, VARINT);
            // Two's complement: the schema's numbers have 64 bits at most, with the sign or without.
            varint::write(value as u64, self.out);
        }
        self
    }

    pub(super) fn flag(&mut self, number: u32, value: bool) -> &mut Self {
        self.number(number, u8::from(value))
    }

    /// A payload.
    pub(super) fn bytes(&mut self, number: u32, value: &[u8]) -> &mut Self {
        if !value.is_empty() {
            self.delimited(number, value);
        }
        self
    }

    /// A message, which is written even if it has no fields: that it is there says which message this is.
    pub(super) fn message(&mut self, number: u32, add: impl FnOnce(&mut Fields<'_>)) -> &mut Self {
        self.key(number, DELIMITED);
        Fields::write(self.out, add);
        self
    }

    /// A list of strings, in which the empty ones count.
    pub(super) fn texts(&mut self, number: u32, items: &[impl AsRef<str>]) -> &mut Self {
        for item in items {
            self.delimited(number, item.as_ref().as_bytes());
        }
        self
    }

    /// A list of messages.
    pub(super) fn messages<T>(
        &mut self,
        number: u32,
        items: &[T],
        add: impl Fn(&mut Fields<'_>, &T),
    ) -> &mut Self {
        for item in items {
            self.message(number, |fields| add(fields, item));
        }
        self
    }

    /// A map of messages.
    pub(super) fn message_map<'m, K: AsRef<str> + 'm, V: 'm>(
        &mut self,
        number: u32,
        entries: impl IntoIterator<Item = (&'m K, &'m V)>,
        add: impl Fn(&mut Fields<'_>, &V),
    ) -> &mut Self {
        for (key, value) in entries {
            self.message(number, |entry| {
                entry.text(1, key.as_ref()).message(2, |fields| add(fields, value));
            });
        }
        self
    }

    /// A map of strings.
    pub(super) fn text_map<'m, K: AsRef<str> + 'm>(
        &mut self,
        number: u32,
        entries: impl IntoIterator<Item = (&'m K, &'m K)>,
    ) -> &mut Self {
        for (key, value) in entries {
            self.message(number, |entry| _ = entry.text(1, key.as_ref()).text(2, value.as_ref()));
        }
        self
    }

    fn delimited(&mut self, number: u32, value: &[u8]) {
        self.key(number, DELIMITED);
        varint::write(value.len() as u64, self.out);
        self.out.extend_from_slice(value);
    }

    fn key(&mut self, number: u32, wire_type: u32) {
        varint::write(u64::from(number << 3 | wire_type), self.out);
    }
}
