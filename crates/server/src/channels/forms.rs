//! One message in the forms that the subscribers of a channel take, each made when the first group asks for it.

use std::sync::Arc;

use wavecast_hub::{ClientInfo, Publication};

use crate::wire::{self, Data};
use crate::wire_form::{Dialect, WireForm};

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
    made: [Form; 9],
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
        form: WireForm,
        shape: Shape,
        publication: &Publication,
        base: Option<&Arc<Publication>>,
    ) -> bool {
        let made = &mut self.made[index(form.dialect(), shape)];
        if made.is_made {
            return !made.bytes.is_empty();
        }
        made.is_made = true;
        made.bytes.clear();
        let data = match shape {
            Shape::Plain => Data::Plain,
            Shape::Whole => Data::Whole,
            Shape::Delta => match base.and_then(|base| wire::delta(form.encoding(), publication, base)) {
                Some(delta) => Data::Delta(delta),
                None => return false,
            },
        };
        wire::encode_publication(form.dialect(), publication, data, &mut made.bytes);
        true
    }

    /// Makes the one form that a join or leave has in a dialect.
    pub(super) fn make_membership(&mut self, form: WireForm, channel: &str, info: &ClientInfo, joined: bool) {
        let made = &mut self.made[index(form.dialect(), Shape::Plain)];
        if !std::mem::replace(&mut made.is_made, true) {
            made.bytes.clear();
            wire::encode_membership(form.dialect(), channel, info, joined, &mut made.bytes);
        }
    }

    /// A form that has been made.
    pub(super) fn of(&self, form: WireForm, shape: Shape) -> &[u8] {
        &self.made[index(form.dialect(), shape)].bytes
    }
}

fn index(dialect: Dialect, shape: Shape) -> usize {
    let first = match dialect {
        Dialect::Json => 0,
        Dialect::Protobuf => 3,
        Dialect::Bare => 6,
    };
    let shape = match (dialect, shape) {
        // Protobuf has any bytes as they are.
        (_, Shape::Plain) | (Dialect::Protobuf, Shape::Whole) => 0,
        (Dialect::Json | Dialect::Bare, Shape::Whole) => 1,
        (_, Shape::Delta) => 2,
    };
    first + shape
}
