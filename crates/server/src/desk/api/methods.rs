//! The methods of the API: what each takes, gives and refuses. Requests are read by this table, and it is what
//! `openapi.json` tells.

use super::schema::{Field, Kind};
use super::shapes::{
    B64DATA, CHANNEL, CLIENT, CLIENT_INFO, DATA, DELTA, EXCLUDE_CLIENTS, IDEMPOTENCY_KEY, NODE, OVERRIDE,
    POSITION, POSITION_IF_ANY, PUBLICATION, REMEMBERED, SESSION, SKIP_HISTORY, TAGS, USER, USER_ALONE,
    VERSION, VERSION_EPOCH,
};

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) result: &'static [Field],
    /// Codes of errors beside 107, which any method has.
    pub(super) errors: &'static [u32],
}

/// The method of a name.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The one that holds others.
pub(super) const BATCH: &str = "batch";

/// All of them. A command of a batch that names several is carried out as the first of them in this order.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "publish",
        about: "Publishes into a channel.",
        fields: &[
            CHANNEL,
            DATA,
            B64DATA,
            SKIP_HISTORY,
            TAGS,
            IDEMPOTENCY_KEY,
            DELTA,
            VERSION,
            VERSION_EPOCH,
            EXCLUDE_CLIENTS,
        ],
        result: POSITION_IF_ANY,
        errors: &[102, 106, 111],
    },
    Method {
        name: "broadcast",
        about: "Publishes the same into several channels, in their order; each has a response of its own.",
        fields: &[
            Field::required(
                "channels",
                Kind::List(&Kind::Text),
                "1 to http_api.broadcast_channel_limit names of channels.",
            ),
            DATA,
            B64DATA,
            SKIP_HISTORY,
            TAGS,
            IDEMPOTENCY_KEY,
            DELTA,
            VERSION,
            VERSION_EPOCH,
            EXCLUDE_CLIENTS,
        ],
        result: &[Field::required(
            "responses",
            Kind::List(&Kind::Object(&[
                Field::optional("result", Kind::Object(POSITION_IF_ANY), "Where it went."),
                Field::optional("error", Kind::Named("Error"), "Why it was not published."),
            ])),
            "One for each channel, in the order of the channels.",
        )],
        errors: &[111],
    },
    Method {
        name: "subscribe",
        about: "Subscribes the sessions of a user, or one session, to a channel. They have been subscribed when the answer \
            comes; those that were so before stay as they are.",
        fields: &[
            CHANNEL,
            USER,
            CLIENT,
            SESSION,
            Field::optional(
                "info",
                Kind::Json,
                "What others may know of the user in this channel; 65,536 bytes at most.",
            ),
            Field::optional(
                "b64info",
                Kind::Base64,
                "The same as base64; what is no JSON reaches clients as base64 text.",
            ),
            Field::optional(
                "data",
                Kind::Json,
                "For the client, together with the news that it is subscribed.",
            ),
            Field::optional(
                "b64data",
                Kind::Base64,
                "The same as base64; what is no JSON reaches clients as base64 text.",
            ),
            Field::optional(
                "expire_at",
                Kind::Whole,
                "When the subscription ends, Unix seconds; 0 or absent: never.",
            ),
            Field::optional(
                "override",
                Kind::Object(OVERRIDE),
                "Options that differ from those of the channel's namespace.",
            ),
            Field::optional(
                "recover_since",
                Kind::Object(POSITION),
                "What was published after this position is sent, too, if the channel's history has it all.",
            ),
        ],
        result: &[],
        errors: &[102, 106, 108, 111],
    },
    Method {
        name: "unsubscribe",
        about: "Ends a subscription of the sessions of a user, or of one session. What is published after the answer does \
            not reach them.",
        fields: &[
            Field::optional("channel", Kind::Text, "The channel; empty: all channels of each session."),
            USER,
            CLIENT,
            SESSION,
        ],
        result: &[],
        errors: &[102, 111],
    },
    Method {
        name: "disconnect",
        about: "Ends the sessions of a user, or one session. They are closed when the answer comes.",
        fields: &[
            USER,
            CLIENT,
            SESSION,
            Field::optional(
                "whitelist",
                Kind::List(&Kind::Text),
                "Ids of sessions that live on, at most 1,000.",
            ),
            Field::optional(
                "disconnect",
                Kind::Object(&[
                    Field::required(
                        "code",
                        Kind::Code,
                        "Clients come back, but not with 3500 to 3999 and 4500 to 4999.",
                    ),
                    Field::optional("reason", Kind::Text, "123 bytes at most."),
                ]),
                "The close frame; 3503, force disconnect, if absent.",
            ),
        ],
        result: &[],
        errors: &[111],
    },
    Method {
        name: "refresh",
        about: "Lets the sessions of a user, or one session, live until another time, or ends them as expired (3005).",
        fields: &[
            USER,
            CLIENT,
            SESSION,
            Field::optional("expired", Kind::Flag, "They end; the other fields do not count then."),
            Field::optional("expire_at", Kind::Whole, "When they expire, Unix seconds; 0 or absent: never."),
            Field::optional(
                "info",
                Kind::Json,
                "What others may know of the user; absent: as before. 65,536 bytes at most.",
            ),
        ],
        result: &[],
        errors: &[111],
    },
    Method {
        name: "presence",
        about: "Who is in a channel: each session, 100,000 at most.",
        fields: &[CHANNEL],
        result: &[Field::required(
            "presence",
            Kind::Map(&CLIENT_INFO),
            "What is known of each session, by its id.",
        )],
        errors: &[102, 106, 108],
    },
    Method {
        name: "presence_stats",
        about: "How many are in a channel.",
        fields: &[CHANNEL],
        result: &[
            Field::required("num_clients", Kind::Whole, "Sessions."),
            Field::required("num_users", Kind::Whole, "Different users; all anonymous ones are one."),
        ],
        errors: &[102, 108],
    },
    Method {
        name: "history",
        about: "Reads a channel's history, at most http_api.history_max_publication_limit publications.",
        fields: &[
            CHANNEL,
            Field::optional(
                "limit",
                Kind::Limit,
                "Publications at most; 0 or absent: the position alone; -1: all.",
            ),
            Field::optional(
                "since",
                Kind::Object(POSITION),
                "Those after this position, or before it in reverse.",
            ),
            Field::optional("reverse", Kind::Flag, "The newest first."),
        ],
        result: &[
            Field::required(
                "publications",
                Kind::List(&Kind::Object(PUBLICATION)),
                "In the order that was asked for.",
            ),
            Field::required("offset", Kind::Whole, "The latest publication's."),
            Field::required("epoch", Kind::Text, "The name of this life of the stream."),
        ],
        errors: &[102, 106, 108, 112],
    },
    Method {
        name: "history_remove",
        about: "Drops a channel's history. Its position goes on, so that who missed something of it is told.",
        fields: &[CHANNEL],
        result: &[],
        errors: &[102, 108],
    },
    Method {
        name: "info",
        about: "What this node is, and what it holds at the moment.",
        fields: &[],
        result: &[Field::required("nodes", Kind::List(&Kind::Object(NODE)), "This node alone.")],
        errors: &[],
    },
    Method {
        name: "rpc",
        about: "Calls a method that the program around the server has brought along. The server itself has none.",
        fields: &[
            Field::required("method", Kind::Text, "Its name."),
            Field::optional("params", Kind::Json, "What it takes; absent: null."),
        ],
        result: &[Field::required("data", Kind::Json, "What it returns.")],
        errors: &[100, 104, 111],
    },
    Method {
        name: "channels",
        about: "The channels that have subscribers, 10,000 at most; with more, ask for a part of them.",
        fields: &[Field::optional(
            "pattern",
            Kind::Text,
            "Which ones: * is any characters, ? one, [ab] and [!a-c] one of a set, {a,b} one of several, \\ takes the next \
             one as it is. Absent or empty: all. 256 bytes at most.",
        )],
        result: &[Field::required(
            "channels",
            Kind::Map(&Kind::Object(&[Field::required("num_clients", Kind::Whole, "Its subscribers.")])),
            "By name.",
        )],
        errors: &[106, 111],
    },
    Method {
        name: "block_user",
        about: "Ends the sessions of a user (3500), and lets it in no more. Kept in this node's memory, until it restarts.",
        fields: &[
            USER_ALONE,
            Field::optional("expire_at", Kind::Whole, "Until when, Unix seconds; 0 or absent: for good."),
        ],
        result: &[],
        errors: &[106, 111],
    },
    Method {
        name: "unblock_user",
        about: "Lets a user in again that was blocked.",
        fields: &[USER_ALONE],
        result: &[],
        errors: &[],
    },
    Method {
        name: "revoke_token",
        about: "Makes a token worth nothing, and ends the sessions that came with it (3500). Kept in this node's memory, until \
            it restarts. One of uid, token_id and jti is required; they mean the same.",
        fields: &[
            Field::optional("uid", Kind::Text, "The token's claim jti."),
            Field::optional("token_id", Kind::Text, "The same."),
            Field::optional("jti", Kind::Text, "The same."),
            REMEMBERED,
        ],
        result: &[],
        errors: &[106, 111],
    },
    Method {
        name: "invalidate_user_tokens",
        about: "Makes the older tokens of a user worth nothing, and ends the sessions that came with them (3500). Kept in this \
            node's memory, until it restarts.",
        fields: &[
            USER_ALONE,
            Field::optional(
                "issued_before",
                Kind::Whole,
                "Tokens that were issued before (claim iat), or do not say when; Unix seconds; 0 or absent: now.",
            ),
            Field::optional("channel", Kind::Text, "Not offered: 108 if it is given."),
            REMEMBERED,
        ],
        result: &[],
        errors: &[106, 108, 111],
    },
    Method {
        name: "drain",
        about: "Tells a share of the connections to go and come back (3011, force reconnect), chosen by chance, one after the other \
            over a window: a load balancer then spreads them anew. The answer comes at once. A second call takes the place of \
            one that is not through: who has not been told by then stays, and a share of 0 stops it. While the server itself \
            leaves: 108.",
        fields: &[
            Field::required("share", Kind::Share, "The part of the connections of this moment."),
            Field::optional(
                "window",
                Kind::Time,
                "The time over which they are told; absent: shutdown.drain; 0s: all at once.",
            ),
        ],
        result: &[Field::required("connections", Kind::Whole, "How many are told to go.")],
        errors: &[108],
    },
    Method {
        name: BATCH,
        about: "Carries out several commands, in their order or together, with a reply for each. The whole has the time that \
            one has. Once the replies have 64 MiB, the commands that are left get error 106.",
        fields: &[
            Field::required(
                "commands",
                Kind::List(&Kind::Named("Command")),
                "1 to 10,000 objects with one field each: a method's name, with its request.",
            ),
            Field::optional(
                "parallel",
                Kind::Flag,
                "Together, up to 64 at a time; their order does not count.",
            ),
        ],
        result: &[Field::required(
            "replies",
            Kind::List(&Kind::Named("Reply")),
            "One for each command, in their order.",
        )],
        errors: &[],
    },
];
