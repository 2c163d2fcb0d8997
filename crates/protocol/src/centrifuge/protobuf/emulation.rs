//! What a client says beside its stream.

use std::borrow::Cow;

use super::frame::message;
use super::read::{Field, Message};
use super::write::Fields;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::emulation::Emulation;

/// Reads a request's body: one message, without its length.
pub(in crate::centrifuge) fn emulation(body: &[u8]) -> Result<Emulation<'_>, DecodeError> {
    message(body)
}

/// Writes one, without its length.
pub(in crate::centrifuge) fn encode_emulation(said: &Emulation<'_>, out: &mut Vec<u8>) {
    Fields::write_plain(out, |fields| {
        fields.text(1, &said.node).text(2, &said.session).bytes(3, &said.data);
    });
}

impl<'a> Message<'a> for Emulation<'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), DecodeError> {
        match field.number {
            1 => field.text(&mut self.node),
            2 => field.text(&mut self.session),
            3 => {
                let mut data = &[][..];
                field.bytes(&mut data)?;
                self.data = Cow::Borrowed(data);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
