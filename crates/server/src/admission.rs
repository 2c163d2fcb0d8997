//! Who comes in as a client: the judgement over a request head, before any session.

use wavecast_net::shard::Upgrade;
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_protocol::centrifuge::SUBPROTOCOL_JSON;

use crate::desk::guard;
use crate::node::Node;

/// The sub-protocol of Centrifuge in Protobuf.
const SUBPROTOCOL_PROTOBUF: &str = "centrifuge-protobuf";

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Admission {
    /// A client's handshake.
    Client(Upgrade),
    /// Nothing for a shard: the front desk answers.
    SideDoor,
    /// A client's handshake that is refused.
    Refused { status: u16, reason: String },
}

/// Judges a request by its path, its `Host` and `Origin`, and the encoding it asks for.
pub(crate) fn admit(head: &RequestHead<'_>, node: &Node) -> Admission {
    let config = node.config();
    let endpoint = config.websocket.handler_prefix.as_str();
    if !head.is_websocket_upgrade() {
        return Admission::SideDoor;
    }
    // Not for the front desk: it gives handshakes back, and the two would pass it to and fro for ever.
    if config.websocket.disabled || head.path() != Some(endpoint) {
        let reason = if config.websocket.disabled {
            "No WebSocket here: websocket.disabled is set.".into()
        } else {
            format!("No WebSocket at this path: clients connect to {endpoint}.")
        };
        return Admission::Refused { status: 404, reason };
    }
    let (host, origin) = (head.header("host"), head.header("origin"));
    if let Err(refused) = guard::check_websocket(node.profile(), &config.client.allowed_origins, host, origin)
    {
        return Admission::Refused { status: refused.status(), reason: refused.to_string() };
    }
    if wants_protobuf(head) {
        let reason = "This server speaks Centrifuge in JSON only: connect without the Protobuf option.";
        return Admission::Refused { status: 400, reason: reason.into() };
    }
    Admission::Client(Upgrade { protocols: &[SUBPROTOCOL_JSON], headers: Vec::new() })
}

/// Whether the client would take nothing but Protobuf: a JSON answer would be noise to it.
fn wants_protobuf(head: &RequestHead<'_>) -> bool {
    let offers = |protocol| head.headers().has_token("sec-websocket-protocol", protocol);
    let asks = head.query().is_some_and(|query| {
        query.split('&').any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf"))
    });
    asks || (offers(SUBPROTOCOL_PROTOBUF) && !offers(SUBPROTOCOL_JSON))
}
