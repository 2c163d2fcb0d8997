//! The parameters of the extension as they stand in the header (RFC 7692 §7.1).

use super::NAME;
use super::window::Window;
use crate::handshake::ExtensionOffer;
use std::fmt::Write as _;

/// One `permessage-deflate` element, of an offer or of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    /// In an offer the value may be left out: the client understands the parameter in an answer.
    pub(super) client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// `None` if §7.1 forbids what stands there: an unknown parameter, one that stands twice, a value where none belongs or
    /// none where one does, or bits that are not 8 to 15 without a leading zero.
    pub(super) fn read(extension: &ExtensionOffer<'_>) -> Option<Self> {
        let mut read = Self::default();
        for parameter in &extension.parameters {
            let value = parameter.value.as_deref();
            match parameter.name {
                "server_no_context_takeover" => set_flag(&mut read.server_no_context_takeover, value)?,
                "client_no_context_takeover" => set_flag(&mut read.client_no_context_takeover, value)?,
                "server_max_window_bits" => set(&mut read.server_max_window_bits, bits(value?)?)?,
                "client_max_window_bits" => {
                    let bits = match value {
                        Some(value) => Some(bits(value)?),
                        None => None,
                    };
                    set(&mut read.client_max_window_bits, bits)?;
                }
                _ => return None,
            }
        }
        Some(read)
    }

    /// The value of the header.
    pub(super) fn write(&self) -> String {
        let mut out = String::from(NAME);
        if self.server_no_context_takeover {
            out.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            out.push_str("; client_no_context_takeover");
        }
        // Writing to a string never fails.
        if let Some(bits) = self.server_max_window_bits {
            let _ = write!(out, "; server_max_window_bits={bits}");
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => {
                let _ = write!(out, "; client_max_window_bits={bits}");
            }
            Some(None) => out.push_str("; client_max_window_bits"),
            None => {}
        }
        out
    }
}

fn set_flag(place: &mut bool, value: Option<&str>) -> Option<()> {
    (value.is_none() && !std::mem::replace(place, true)).then_some(())
}

fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))?;
    let is_allowed = !value.starts_with('0') && (Window::BITS_MIN..=Window::BITS_MAX).contains(&bits);
    is_allowed.then_some(bits)
}
