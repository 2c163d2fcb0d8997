//! What a hook's yes may bring to clients, made fit for their messages: a JSON client must never get a broken frame,
//! whatever a back end or a handler gives.

use wavecast_protocol::centrifuge::Encoding;

use super::calls::{ConnectGrant, PublishGrant, RefreshGrant, RpcGrant, SubRefreshGrant, SubscribeGrant};
use crate::payload::embed;

/// What comes with [`Answer::Ok`](super::Answer::Ok).
///
/// `info` is seen by clients of either encoding, so what is no JSON becomes base64 text in it. `data` is for the client that
/// asked: one in JSON gets base64 text as well, one in Protobuf the bytes.
pub trait Grant {
    /// The same, as it can stand in messages.
    #[must_use]
    fn embedded(self, encoding: Encoding) -> Self;
}

type Given = Option<Box<[u8]>>;

fn info(info: Given) -> Given {
    info.map(embed)
}

fn data(data: Given, encoding: Encoding) -> Given {
    match encoding {
        Encoding::Json => data.map(embed),
        Encoding::Protobuf => data,
    }
}

impl Grant for ConnectGrant {
    fn embedded(mut self, encoding: Encoding) -> Self {
        for sub in self.subs.values_mut() {
            *sub = std::mem::take(sub).embedded(encoding);
        }
        Self { info: info(self.info), data: data(self.data, encoding), ..self }
    }
}

impl Grant for SubscribeGrant {
    fn embedded(self, encoding: Encoding) -> Self {
        Self { info: info(self.info), data: data(self.data, encoding), ..self }
    }
}

impl Grant for RefreshGrant {
    fn embedded(self, _: Encoding) -> Self {
        Self { info: info(self.info), ..self }
    }
}

impl Grant for SubRefreshGrant {
    fn embedded(self, _: Encoding) -> Self {
        Self { info: info(self.info), ..self }
    }
}

/// Its data is looked at as a publication of its channel is.
impl Grant for PublishGrant {
    fn embedded(self, _: Encoding) -> Self {
        self
    }
}

impl Grant for RpcGrant {
    fn embedded(self, encoding: Encoding) -> Self {
        Self { data: data(self.data, encoding) }
    }
}
