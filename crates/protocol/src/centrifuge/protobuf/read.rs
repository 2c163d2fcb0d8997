//! Reads the fields of a message.

use super::varint;
use crate::centrifuge::decode_error::DecodeError;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is read from the fields of a message.
pub(super) trait Message<'a> {
    /// Takes one field in. Whatever has a number that is not known is passed over.
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError>;
}

/// Gives all fields of a message to `take`.
pub(super) fn merge<'a>(
    mut message: &'a [u8],
    mut take: impl FnMut(Field<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !message.is_empty() {
        take(Field::read(&mut message).ok_or(DecodeError::Wire)?)?;
    }
    Ok(())
}

/// A field of a message.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    value: Value<'a>,
}

/// What a field holds, as far as its wire type tells.
#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Delimited(&'a [u8]),
    /// Four or eight bytes, which no field of the schema has.
    Fixed,
}

impl<'a> Field<'a> {
    /// A number or flag. As in Protobuf, one of 32 bits takes the lowest of more.
    pub(super) fn varint<T: Varint>(self, into: &mut T) -> Result<(), DecodeError> {
        let Value::Varint(value) = self.value else { return Err(self.wrong_type()) };
        *into = T::from_bits(value);
        Ok(())
    }

    pub(super) fn text(self, into: &mut Cow<'a, str>) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(self.delimited()?).map_err(|_| self.wrong_type())?;
        *into = Cow::Borrowed(text);
        Ok(())
    }

    /// A payload.
    pub(super) fn bytes(self, into: &mut &'a [u8]) -> Result<(), DecodeError> {
        *into = self.delimited()?;
        Ok(())
    }

    /// A message whose being there says something; one that is there already is added to.
    pub(super) fn message<T: Message<'a> + Default>(self, into: &mut Option<T>) -> Result<(), DecodeError> {
        let message = into.get_or_insert_default();
        self.fields(|field| message.field(field))
    }

    /// One of a list of messages.
    pub(super) fn item<T: Message<'a> + Default>(self, into: &mut Vec<T>) -> Result<(), DecodeError> {
        let mut item = T::default();
        self.fields(|field| item.field(field))?;
        into.push(item);
        Ok(())
    }

    /// One of a map's entries; it replaces what the map has under the key. A map takes `max` entries.
    pub(super) fn entry<T>(self, into: &mut BTreeMap<Cow<'a, str>, T>, max: usize) -> Result<(), DecodeError>
    where
        Entry<'a, T>: Message<'a>,
        T: Default,
    {
        let Entry { key, value } = self.key_and_value()?;
        if into.len() >= max {
            return Err(DecodeError::FieldSize { number: self.number });
        }
        into.insert(key, value);
        Ok(())
    }

    /// One of a map's entries.
    pub(super) fn key_and_value<T>(self) -> Result<Entry<'a, T>, DecodeError>
    where
        Entry<'a, T>: Message<'a>,
        T: Default,
    {
        let mut entry = Entry { key: Cow::Borrowed(""), value: T::default() };
        self.fields(|field| entry.field(field))?;
        Ok(entry)
    }

    /// The fields of a message.
    pub(super) fn fields(
        self,
        take: impl FnMut(Field<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        merge(self.delimited()?, take)
    }

    fn delimited(self) -> Result<&'a [u8], DecodeError> {
        let Value::Delimited(bytes) = self.value else { return Err(self.wrong_type()) };
        Ok(bytes)
    }

    fn wrong_type(self) -> DecodeError {
        DecodeError::FieldType { number: self.number }
    }

    /// Takes a field from the front of `rest`.
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let key = u32::try_from(varint::read(rest)?).ok()?;
        let number = key >> 3;
        if number == 0 {
            return None;
        }
        let value = match key & 0b111 {
            0 => Value::Varint(varint::read(rest)?),
            1 => fixed(rest, 8)?,
            2 => Value::Delimited(varint::read_delimited(rest)?),
            5 => fixed(rest, 4)?,
            // 3 and 4 are groups, which would have to be read by recursion; 6 and 7 mean nothing.
            _ => return None,
        };
        Some(Self { number, value })
    }
}

fn fixed<'a>(rest: &mut &'a [u8], length: usize) -> Option<Value<'a>> {
    *rest = rest.get(length..)?;
    Some(Value::Fixed)
}

/// What a varint may stand for.
pub(super) trait Varint {
    fn from_bits(bits: u64) -> Self;
}

impl Varint for u64 {
    fn from_bits(bits: u64) -> Self {
        bits
    }
}

impl Varint for i64 {
    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}

impl Varint for u32 {
    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}

impl Varint for i32 {
    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}

impl Varint for bool {
    fn from_bits(bits: u64) -> Self {
        bits != 0
    }
}

/// An entry of a map, which is a message of two fields.
pub(super) struct Entry<'a, T> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: T,
}

impl<'a> Message<'a> for Entry<'a, Cow<'a, str>> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.key),
            2 => field.text(&mut self.value),
            _ => Ok(()),
        }
    }
}

impl<'a, T: Message<'a>> Message<'a> for Entry<'a, T> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.key),
            2 => field.fields(|field| self.value.field(field)),
            _ => Ok(()),
        }
    }
}
