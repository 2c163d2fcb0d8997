//! A publication and its publisher, as replies and pushes carry them.

use super::field;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Key and value pairs that a publisher attached.
pub type Tags = BTreeMap<String, String>;

/// One message of a channel.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Publication<'a> {
    /// The payload.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub data: &'a [u8],
    /// Who published it; `None` when the back end did.
    #[serde(borrow, deserialize_with = "field::object")]
    pub info: Option<ClientInfo<'a>>,
    /// The place in the channel's stream; 0 for none.
    #[serde(deserialize_with = "field::or_zero")]
    pub offset: u64,
    /// The publisher's tags.
    #[serde(deserialize_with = "tags")]
    pub tags: Cow<'a, Tags>,
    /// `data` is a delta against the publication before.
    #[serde(deserialize_with = "field::or_zero")]
    pub delta: bool,
    /// When it was published, Unix time in milliseconds; 0 when unknown.
    #[serde(deserialize_with = "field::or_zero")]
    pub time: i64,
    /// The channel, where it is not clear from the subscription.
    #[serde(borrow, deserialize_with = "field::text")]
    pub channel: Cow<'a, str>,
    /// How `data` is written in JSON. What is read is always [`DataForm::Raw`]: a client knows from its subscription
    /// what a string stands for.
    #[serde(skip)]
    pub form: DataForm,
}

/// How a payload is written in JSON; Protobuf has any bytes as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum DataForm {
    /// The payload is one JSON value and stands in the message as it is.
    #[default]
    Raw,
    /// A JSON string whose text is the payload: what subscribers get who asked for deltas, be it a delta or the
    /// payload itself. What is not UTF-8 is replaced by U+FFFD; a delta for JSON must not cut characters.
    Text,
    /// A JSON string whose text is the payload in Base64: what subscribers get whose payload is no JSON.
    Base64,
}

impl Default for Publication<'_> {
    fn default() -> Self {
        Self {
            data: &[],
            info: None,
            offset: 0,
            tags: Cow::Owned(Tags::new()),
            delta: false,
            time: 0,
            channel: Cow::Borrowed(""),
            form: DataForm::Raw,
        }
    }
}

/// Who a client is, as others may see it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ClientInfo<'a> {
    /// The user's id; empty for an anonymous user.
    #[serde(borrow, deserialize_with = "field::text")]
    pub user: Cow<'a, str>,
    /// The id of the session.
    #[serde(borrow, deserialize_with = "field::text")]
    pub client: Cow<'a, str>,
    /// What is known of the user from the connection.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub conn_info: &'a [u8],
    /// What is known of the user in this channel.
    #[serde(borrow, deserialize_with = "field::raw")]
    pub chan_info: &'a [u8],
}

/// Tags are owned once decoded.
fn tags<'de, 'a, D: serde::Deserializer<'de>>(from: D) -> Result<Cow<'a, Tags>, D::Error> {
    field::or_zero(from).map(Cow::Owned)
}
