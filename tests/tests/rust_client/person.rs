//! Somebody with a client: how the tests connect, listen and wait. Every wait has an end.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use wavecast_client::{
    Cause, Client, Data, Encoding, Options, Publication, RequestError, ServerEvent, ServerEvents, State,
    StreamPosition, SubscribeOptions, Subscription, SubscriptionEvent, Token,
};
use wavecast_tests::token;

/// Time for anything that should come soon, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(SOON, work).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Options of somebody who comes back at once.
pub(crate) fn anybody(encoding: Encoding) -> Options {
    Options {
        encoding,
        reconnect_delay_min: Duration::from_millis(10),
        reconnect_delay_max: Duration::from_millis(100),
        request_timeout: SOON,
        ..Options::default()
    }
}

/// Options of somebody with a token of these claims.
pub(crate) fn somebody(encoding: Encoding, claims: &Value) -> Options {
    Options { token: Some(Token::fixed(token::sign(claims))), ..anybody(encoding) }
}

/// Begins to connect.
pub(crate) fn connect(server: SocketAddr, options: Options) -> Client {
    Client::connect(&format!("ws://{server}/connection/websocket"), options).expect("a right address")
}

/// Connects, and waits for it: the client and the id of its session.
pub(crate) async fn connected(server: SocketAddr, options: Options) -> (Client, String) {
    let client = connect(server, options);
    let id = session(&client).await.0;
    (client, id)
}

/// The session that a client has, or has next: its id, and what the back end says of it.
pub(crate) async fn session(client: &Client) -> (String, Option<Data>) {
    let mut states = client.states();
    let connecting = |state: &State| matches!(state, State::Connecting { .. });
    let state = within("a connection", states.wait_for(|state| !connecting(state))).await;
    match &*state.expect("a state") {
        State::Connected { client, data } => (client.clone(), data.clone()),
        other => panic!("not connected, but {other:?}"),
    }
}

/// Why the client has ended.
pub(crate) async fn closed(client: &Client) -> Cause {
    within("the end of the client", client.closed()).await
}

/// The code that a request was refused with; `None` if it was done.
pub(crate) fn refusal<T>(answer: Result<T, RequestError>) -> Option<u32> {
    match answer {
        Ok(_) => None,
        Err(RequestError::Refused(error)) => Some(error.code),
        Err(other) => panic!("neither done nor refused: {other}"),
    }
}

/// What was published, as JSON.
pub(crate) fn values(publications: &[Publication]) -> Vec<Value> {
    publications.iter().map(|publication| publication.json().expect("JSON")).collect()
}

/// Data as JSON; null if there are none.
pub(crate) fn json_of(data: Option<&Data>) -> Value {
    data.map_or(Value::Null, |data| data.parse().expect("JSON"))
}

/// What [`SubscriptionEvent::Subscribed`] says.
#[derive(Debug)]
pub(crate) struct Subscribed {
    pub(crate) was_recovering: bool,
    pub(crate) recovered: bool,
    pub(crate) position: Option<StreamPosition>,
    pub(crate) data: Option<Data>,
}

/// Somebody who reads a channel.
pub(crate) struct Reader(pub(crate) Subscription);

impl Reader {
    /// Asks for a channel; what becomes of it shows in the events.
    pub(crate) async fn asking(client: &Client, channel: &str, options: SubscribeOptions) -> Self {
        Self(client.subscribe_with(channel, options).await.expect("a subscription can be made"))
    }

    /// Subscribes to a channel and waits for it.
    pub(crate) async fn of(client: &Client, channel: &str) -> Self {
        let (reader, _) = Self::with(client, channel, SubscribeOptions::default()).await;
        reader
    }

    /// Subscribes with options and waits for it.
    pub(crate) async fn with(
        client: &Client,
        channel: &str,
        options: SubscribeOptions,
    ) -> (Self, Subscribed) {
        let mut reader = Self::asking(client, channel, options).await;
        let subscribed = reader.subscribed().await;
        (reader, subscribed)
    }

    pub(crate) async fn next(&mut self) -> SubscriptionEvent {
        within("an event", self.0.next()).await.expect("the subscription goes on")
    }

    /// The subscription stands, again perhaps.
    pub(crate) async fn subscribed(&mut self) -> Subscribed {
        loop {
            match self.next().await {
                SubscriptionEvent::Subscribed { was_recovering, recovered, position, data } => {
                    return Subscribed { was_recovering, recovered, position, data };
                }
                SubscriptionEvent::Interrupted(_) | SubscriptionEvent::Retrying(_) => {}
                other => panic!("not subscribed, but {other:?}"),
            }
        }
    }

    /// The subscription is interrupted, for this reason.
    pub(crate) async fn interrupted(&mut self) -> Cause {
        match self.next().await {
            SubscriptionEvent::Interrupted(cause) => cause,
            other => panic!("not interrupted, but {other:?}"),
        }
    }

    /// The next publications; nothing else may come.
    pub(crate) async fn publications(&mut self, count: usize) -> Vec<Publication> {
        let mut publications = Vec::new();
        while publications.len() < count {
            match self.next().await {
                SubscriptionEvent::Publication(publication) => publications.push(publication),
                other => panic!("behind {publications:?}: {other:?}"),
            }
        }
        publications
    }

    /// What is published next.
    pub(crate) async fn values(&mut self, count: usize) -> Vec<Value> {
        values(&self.publications(count).await)
    }

    /// The end, before which nothing may come but attempts.
    pub(crate) async fn end(&mut self) -> Cause {
        loop {
            match self.next().await {
                SubscriptionEvent::Unsubscribed(cause) => return cause,
                SubscriptionEvent::Interrupted(_) | SubscriptionEvent::Retrying(_) => {}
                other => panic!("no end, but {other:?}"),
            }
        }
    }
}

/// The code that a subscription is refused with; `None` if it stands, and then it is given up.
pub(crate) async fn subscription_refusal(
    client: &Client,
    channel: &str,
    options: SubscribeOptions,
) -> Option<u32> {
    match Reader::asking(client, channel, options).await.next().await {
        SubscriptionEvent::Subscribed { .. } => None,
        SubscriptionEvent::Unsubscribed(cause) => Some(cause.code),
        other => panic!("neither subscribed nor refused: {other:?}"),
    }
}

/// Somebody who listens to what the server does.
pub(crate) struct Listener(ServerEvents);

impl Listener {
    pub(crate) async fn of(client: &Client) -> Self {
        Self(client.server_events().await.expect("the client goes on"))
    }

    /// The next event of a subscription of the server's.
    pub(crate) async fn next(&mut self) -> (String, SubscriptionEvent) {
        match within("an event of the server", self.0.next()).await.expect("the client goes on") {
            ServerEvent::Subscription { channel, event } => (channel.to_string(), event),
            other => panic!("not of a subscription: {other:?}"),
        }
    }

    /// The next event, which is of this channel.
    pub(crate) async fn next_of(&mut self, channel: &str) -> SubscriptionEvent {
        let (of, event) = self.next().await;
        assert_eq!(of, channel, "{event:?}");
        event
    }

    /// The server has subscribed the client to this channel.
    pub(crate) async fn subscribed(&mut self, channel: &str) -> Subscribed {
        match self.next_of(channel).await {
            SubscriptionEvent::Subscribed { was_recovering, recovered, position, data } => {
                Subscribed { was_recovering, recovered, position, data }
            }
            other => panic!("not subscribed, but {other:?}"),
        }
    }

    /// The next publications of this channel, as JSON.
    pub(crate) async fn values(&mut self, channel: &str, count: usize) -> Vec<Value> {
        let mut publications = Vec::new();
        while publications.len() < count {
            match self.next_of(channel).await {
                SubscriptionEvent::Publication(publication) => publications.push(publication),
                other => panic!("behind {publications:?}: {other:?}"),
            }
        }
        values(&publications)
    }
}
