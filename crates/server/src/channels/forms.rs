//! One message in the forms that the subscribers of a channel take, each made when the first group asks for it.

use std::sync::Arc;

use wavecast_hub::{ClientInfo, Publication};
use wavecast_protocol::centrifuge::Encoding;

use crate::wire::{self, Data};

/// The payload of a publication as a group gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Plain,
    /// Whole, for somebody who takes deltas.
    Whole,
    /// The difference from the publication before.
    Delta,
}

/// The forms of one message, encoded and not yet framed; the memory serves the next one.
#[derive(Debug, Default)]
pub(super) struct Forms {
    made: [Form; 6],
}

#[derive(Debug, Default)]
struct Form {
    is_made: bool,
    bytes: Vec<u8>,
}

/// A publication's form keeps its memory for the next one up to this size.
const FORM_BYTES_KEPT: usize = 64 * 1024;

impl Forms {
    /// Forgets the message before.
    pub(super) fn begin(&mut self) {
        for form in &mut self.made {
            form.is_made = false;
            form.bytes.shrink_to(FORM_BYTES_KEPT);
        }
    }

    /// Makes a form of a publication; `false` if that has none: there is no delta, or it would be longer.
    pub(super) fn make(
        &mut self,
        encoding: Encoding,
        shape: Shape,
        publication: &Publication,
        base: Option<&Arc<Publication>>,
    ) -> bool {
        let form = &mut self.made[index(encoding, shape)];
        if form.is_made {
            return !form.bytes.is_empty();
        }
        form.is_made = true;
        form.bytes.clear();
        let data = match shape {
            Shape::Plain => Data::Plain,
            Shape::Whole => Data::Whole,
            Shape::Delta => match base.and_then(|base| wire::delta(encoding, publication, base)) {
                Some(delta) => Data::Delta(delta),
                None => return false,
            },
        };
        wire::encode_publication(encoding, publication, data, &mut form.bytes);
        true
    }

    /// Makes the one form that a join or leave has in an encoding.
    pub(super) fn make_membership(
        &mut self,
        encoding: Encoding,
        channel: &str,
        info: &ClientInfo,
        joined: bool,
    ) {
        let form = &mut self.made[index(encoding, Shape::Plain)];
        if !std::mem::replace(&mut form.is_made, true) {
            form.bytes.clear();
            wire::encode_membership(encoding, channel, info, joined, &mut form.bytes);
        }
    }

    /// A form that has been made.
    pub(super) fn of(&self, encoding: Encoding, shape: Shape) -> &[u8] {
        &self.made[index(encoding, shape)].bytes
    }
}

fn index(encoding: Encoding, shape: Shape) -> usize {
    let first = match encoding {
        Encoding::Json => 0,
        Encoding::Protobuf => 3,
    };
    let shape = match (encoding, shape) {
        // Protobuf has any bytes as they are.
        (_, Shape::Plain) | (Encoding::Protobuf, Shape::Whole) => 0,
        (Encoding::Json, Shape::Whole) => 1,
        (_, Shape::Delta) => 2,
    };
    first + shape
}
