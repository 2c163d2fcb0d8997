//! Fields and objects that several methods have, or that would make the table of methods hard to read.

use super::schema::{Field, Kind};

pub(super) const CHANNEL: Field = Field::required("channel", Kind::Text, "The channel's name.");
pub(super) const DATA: Field =
    Field::optional("data", Kind::Json, "The payload. This or b64data is required.");
pub(super) const B64DATA: Field = Field::optional(
    "b64data",
    Kind::Base64,
    "The payload as base64: JSON, or any bytes where the channel takes them.",
);
pub(super) const SKIP_HISTORY: Field =
    Field::optional("skip_history", Kind::Flag, "Only for who is there now: no offset, no recovery.");
pub(super) const TAGS: Field =
    Field::optional("tags", Kind::Map(&Kind::Text), "Texts by name that filters can look at.");
pub(super) const IDEMPOTENCY_KEY: Field = Field::optional(
    "idempotency_key",
    Kind::Text,
    "Within http_api.idempotency_ttl a second publication into the channel with this key is not made, and answered as the \
     first was. 255 bytes at most.",
);
pub(super) const DELTA: Field =
    Field::optional("delta", Kind::Flag, "Subscribers that take deltas may get one.");
pub(super) const VERSION: Field = Field::optional(
    "version",
    Kind::Whole,
    "The version of the state that it carries: where the channel's history has this one or a later one, it is not published, \
     and answered with the position of the latest. 0 or absent: none.",
);
pub(super) const VERSION_EPOCH: Field =
    Field::optional("version_epoch", Kind::Text, "With another one versions begin again. 255 bytes at most.");
pub(super) const EXCLUDE_CLIENTS: Field = Field::optional(
    "exclude_clients",
    Kind::List(&Kind::Text),
    "Ids of sessions that are not sent it, at most 100: such as that of whoever caused it. (Not in Centrifugo.)",
);
pub(super) const USER: Field =
    Field::optional("user", Kind::Text, "Whose sessions; empty: those of anonymous users.");
pub(super) const USER_ALONE: Field = Field::required("user", Kind::Text, "The user's id, 255 bytes at most.");
pub(super) const CLIENT: Field =
    Field::optional("client", Kind::Text, "The id of a session: this one alone, also without user.");
pub(super) const SESSION: Field = Field::optional(
    "session",
    Kind::Text,
    "Sessions of transports that are not offered: one that is given is nobody's.",
);
pub(super) const REMEMBERED: Field = Field::optional(
    "expire_at",
    Kind::Whole,
    "Until when this is remembered, Unix seconds; 0 or absent: 30 days.",
);

pub(super) const POSITION: &[Field] = &[
    Field::optional("offset", Kind::Whole, "The offset; 0 if absent."),
    Field::optional("epoch", Kind::Text, "The epoch; empty: any."),
];

pub(super) const POSITION_IF_ANY: &[Field] = &[
    Field::optional("offset", Kind::Whole, "Its offset; absent where it has none."),
    Field::optional("epoch", Kind::Text, "The epoch; absent where the channel has none."),
];

pub(super) const OVERRIDE: &[Field] = &[
    Field::optional("presence", BOOL_VALUE, "They are in the channel's presence."),
    Field::optional("join_leave", BOOL_VALUE, "Others are told that they come and go."),
    Field::optional("force_recovery", BOOL_VALUE, "The subscription can be recovered."),
    Field::optional("force_positioning", BOOL_VALUE, "The subscription has a position that is checked."),
    Field::optional("force_push_join_leave", BOOL_VALUE, "They are told who comes and goes."),
];

const BOOL_VALUE: Kind = Kind::Object(&[Field::optional("value", Kind::Flag, "Whether; false if absent.")]);

pub(super) const CLIENT_INFO: Kind = Kind::Object(&[
    Field::required("user", Kind::Text, "The user's id; empty: anonymous."),
    Field::required("client", Kind::Text, "The session's id."),
    Field::optional("conn_info", Kind::Json, "What the connection's token or hook says of the user."),
    Field::optional("chan_info", Kind::Json, "What the subscription's token or hook says of the user."),
]);

pub(super) const PUBLICATION: &[Field] = &[
    Field::required("data", Kind::Json, "The payload; what is no JSON as base64 text."),
    Field::optional("info", CLIENT_INFO, "Who published it; absent: the back end."),
    Field::optional("offset", Kind::Whole, "Its offset."),
    Field::optional("tags", Kind::Map(&Kind::Text), "Its tags."),
];

pub(super) const NODE: &[Field] = &[
    Field::required("uid", Kind::Text, "Its id, new with each start."),
    Field::required("name", Kind::Text, "node.name, or a name with its port."),
    Field::required("version", Kind::Text, "The version of the program."),
    Field::required("num_clients", Kind::Whole, "Sessions."),
    Field::required("num_users", Kind::Whole, "Different users among them."),
    Field::required("num_subs", Kind::Whole, "Subscriptions of all sessions."),
    Field::required("num_channels", Kind::Whole, "Channels with subscribers."),
    Field::required("uptime", Kind::Whole, "Seconds since the start."),
    Field::optional(
        "process",
        Kind::Object(&[
            Field::required("cpu", Kind::Number, "Percent of one core, since info was asked for before."),
            Field::required("rss", Kind::Whole, "Resident memory, bytes."),
        ]),
        "What its process uses, where the system tells.",
    ),
];
