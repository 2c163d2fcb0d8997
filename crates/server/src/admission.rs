//! Who comes in as a client: the judgement over a request head, before any session.

use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use wavecast_net::shard::{Protocols, Upgrade};
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_protocol::centrifuge::{SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF};

use crate::addresses::TooMany;
use crate::config::Config;
use crate::desk::guard;
use crate::metrics::NotAdmitted;
use crate::node::Node;
use crate::one_way::Introduction;
use crate::position_list::PositionList;
use crate::streams::TurnedAway;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Admission {
    /// A client's handshake.
    Client(Upgrade),
    /// Nothing for a shard: the front desk answers.
    SideDoor,
    /// A client's handshake that is refused.
    Refused { why: NotAdmitted, status: u16, reason: String },
}

/// Judges a request by its path, its `Host` and `Origin`, where it comes from, and what is left of the memory.
pub(crate) fn admit(head: &RequestHead<'_>, address: IpAddr, node: &Node) -> Admission {
    let config = node.config();
    let endpoint = config.websocket.handler_prefix.as_str();
    if !head.is_websocket_upgrade() {
        return Admission::SideDoor;
    }
    // Not for the front desk: it gives handshakes back, and the two would pass it to and fro for ever.
    let introduction = introduction(head, &config);
    if introduction.is_none() && (config.websocket.disabled || head.path() != Some(endpoint)) {
        let reason = if config.websocket.disabled {
            "No WebSocket here: websocket.disabled is set.".into()
        } else {
            format!("No WebSocket at this path: clients connect to {endpoint}.")
        };
        return Admission::Refused { why: NotAdmitted::Path, status: 404, reason };
    }
    let (host, origin) = (head.header("host"), head.header("origin"));
    if let Err(refused) = guard::check_websocket(node.profile(), &config.client.allowed_origins, host, origin)
    {
        let why = match refused {
            guard::Refused::Host { .. } => NotAdmitted::Host,
            guard::Refused::Origin { .. } => NotAdmitted::Origin,
        };
        return Admission::Refused { why, status: refused.status(), reason: refused.to_string() };
    }
    if let Some(Err(problem)) = introduction {
        return Admission::Refused { why: NotAdmitted::Request, status: 400, reason: problem };
    }
    if let Err(TurnedAway { why, status, reason }) = may_come(address, node) {
        return Admission::Refused { why, status, reason: reason.into() };
    }
    if introduction.is_some() {
        return Admission::Client(Upgrade::default());
    }
    Admission::Client(Upgrade {
        protocols: Protocols::Fixed(&[SUBPROTOCOL_JSON, SUBPROTOCOL_PROTOBUF]),
        ..Upgrade::default()
    })
}

/// What a client says in the address of the WebSocket that goes one way: `None` at every other path, and nothing where its first
/// message is to say it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn introduction(
    head: &RequestHead<'_>,
    config: &Config,
) -> Option<Result<Option<Introduction>, String>> {
    let endpoint = &config.uni_websocket;
    if !endpoint.enabled || head.path() != Some(&*endpoint.handler_prefix) {
        return None;
    }
    let said = head.query().filter(|query| !query.is_empty()).map(|query| {
        let mut fields = HeaderMap::new();
        for value in head.headers().all(AUTHORIZATION.as_str()) {
            let value = HeaderValue::from_bytes(value).map_err(|_| "Authorization is ASCII".to_owned())?;
            fields.append(AUTHORIZATION, value);
        }
        Introduction::of_query(query, &fields, &PositionList::default(), config.client.channel_limit)
    });
    Some(said.transpose())
}

/// Whether one more session may come in, by whatever transport: from this address, as far as memory and numbers go.
///
/// # Errors
/// [`TurnedAway`].
pub(crate) fn may_come(address: IpAddr, node: &Node) -> Result<(), TurnedAway> {
    if node.memory().refuses_connections() {
        let reason = "The server is short of memory (memory.max): come back later.";
        return Err(TurnedAway { why: NotAdmitted::Memory, status: 503, reason });
    }
    let limit = node.config().client.connection_limit;
    if limit > 0 && node.counts().clients() >= limit {
        let reason =
            "The server has as many clients as it may have (client.connection_limit): come back later.";
        return Err(TurnedAway { why: NotAdmitted::ConnectionLimit, status: 503, reason });
    }
    if let Err(too_many) = node.addresses().knock(address, node.now_ms()) {
        let (why, reason) = match too_many {
            TooMany::Connections => (
                NotAdmitted::AddressLimit,
                "Too many connections from this address (client.address_connection_limit).",
            ),
            TooMany::PerSecond => (
                NotAdmitted::AddressRate,
                "Connections come too fast from this address (client.address_connection_rate_limit).",
            ),
        };
        return Err(TurnedAway { why, status: 429, reason });
    }
    // Last: whoever is refused for another reason takes nobody's turn.
    if !node.counts().connection_may_come(node.now_ms()) {
        let reason = "Connections come too fast (client.connection_rate_limit): come back later.";
        return Err(TurnedAway { why: NotAdmitted::ConnectionRate, status: 503, reason });
    }
    Ok(())
}

/// Whether the client asks for Protobuf in its address, as those do that cannot name a sub-protocol.
pub(crate) fn asks_for_protobuf(head: &RequestHead<'_>) -> bool {
    head.query().is_some_and(|query| {
        query.split('&').any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf"))
    })
}
