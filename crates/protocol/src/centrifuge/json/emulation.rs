//! What a client says beside its stream.

use super::write::Object;
use crate::centrifuge::emulation::Emulation;

/// Writes a request's body. What is no text in the commands is replaced: commands in JSON are text.
pub(in crate::centrifuge) fn encode_emulation(said: &Emulation<'_>, out: &mut Vec<u8>) {
    let data = String::from_utf8_lossy(&said.data);
    Object::write(out, |object| {
        object.text("session", &said.session).text("node", &said.node).text("data", &data);
    });
}
