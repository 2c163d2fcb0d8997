//! Payloads that come as changes to the one before.

use std::borrow::Cow;

use wavecast_hub::delta;
use wavecast_protocol::centrifuge::{Encoding, Publication, json};

use crate::data::Data;

/// Makes whole payloads of what a subscription brings. It holds one of them: the last.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    is_wanted: bool,
    /// The server has agreed to deltas.
    is_on: bool,
    encoding: Encoding,
    base: Data,
    payload_bytes_max: usize,
}

impl Deltas {
    /// For a subscription that asks for deltas.
    pub(crate) fn wanted(encoding: Encoding, payload_bytes_max: usize) -> Self {
        Self { is_wanted: true, is_on: false, encoding, base: Data::default(), payload_bytes_max }
    }

    /// For a subscription that does not.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The subscription begins (again): the next payload comes whole.
    pub(crate) fn begin(&mut self, is_on: bool) {
        self.is_on = is_on && self.is_wanted;
        self.base = Data::default();
    }

    /// The payload of a publication; `None` if it cannot be had.
    pub(crate) fn decode(&mut self, publication: &Publication<'_>) -> Option<Data> {
        if !self.is_on {
            return Some(publication.data.into());
        }
        let data = match self.encoding {
            // JSON holds the text of payload or delta as a string, since a delta is no JSON.
            Encoding::Json => match json::string_text(publication.data)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Encoding::Protobuf => Cow::Borrowed(publication.data),
        };
        self.base = if publication.delta {
            delta::apply(self.base.as_bytes(), &data, self.payload_bytes_max).ok()?.into()
        } else {
            data.as_ref().into()
        };
        Some(self.base.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(data: &[u8], delta: bool) -> Publication<'_> {
        Publication { data, delta, ..Publication::default() }
    }

    #[test]
    fn a_chain_of_deltas_gives_the_payloads() {
        let payloads = [r#"{"price":100,"name":"a long name"}"#, r#"{"price":101,"name":"a long name"}"#];
        let change = delta::create(payloads[0].as_bytes(), payloads[1].as_bytes(), 1_000).unwrap();
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let on_the_wire = |bytes: &[u8]| match encoding {
                Encoding::Json => serde_json::to_vec(std::str::from_utf8(bytes).unwrap()).unwrap(),
                Encoding::Protobuf => bytes.to_vec(),
            };
            let mut deltas = Deltas::wanted(encoding, 1_000);
            deltas.begin(true);
            let first = on_the_wire(payloads[0].as_bytes());
            assert_eq!(deltas.decode(&publication(&first, false)).unwrap().to_string(), payloads[0]);
            let second = on_the_wire(&change);
            assert_eq!(deltas.decode(&publication(&second, true)).unwrap().to_string(), payloads[1]);
            // Against another base than it was made from.
            deltas.begin(true);
            assert_eq!(deltas.decode(&publication(&second, true)), None);
            deltas.begin(false);
            assert_eq!(deltas.decode(&publication(b"1", false)).unwrap().to_string(), "1");
        }
    }

    #[test]
    fn what_is_no_delta_or_too_long_is_refused() {
        let mut deltas = Deltas::wanted(Encoding::Json, 10);
        deltas.begin(true);
        for (data, delta) in [("1", false), ("\"\"", true), ("\"x\"", true), ("{}", true), ("", false)] {
            assert_eq!(deltas.decode(&publication(data.as_bytes(), delta)), None, "{data}");
        }
        let long = delta::create(b"", &[b'a'; 100], 1_000).unwrap();
        let long = serde_json::to_vec(std::str::from_utf8(&long).unwrap()).unwrap();
        assert_eq!(deltas.decode(&publication(&long, true)), None);
    }
}
