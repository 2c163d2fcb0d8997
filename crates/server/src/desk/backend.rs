//! What the front desk asks of the server behind it.

use std::future::{Future, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wavecast_hub::{
    ChannelOptions, ClientInfo, HistoryPage, HistoryQuery, PresenceStats, Publish, Since, StreamPosition,
};
use wavecast_net::driver::Stream;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use crate::canary::Vitals;
use crate::hooks::SubscribeGrant;
use crate::idempotency::Idempotency;
use crate::metrics::{Form, Metrics};
use crate::polling::{PollCall, PollPage, PollRefusal};
use crate::process::ProcessUse;
use crate::steering::{Renewal, Revocation, Whom};
use crate::streams::{Heard, StreamOpening, TurnedAway};

/// The server as the front desk sees it. The node is one; a test may be another.
///
/// The front desk gives up after `http_api.timeout` by dropping the future: what has not been done by then must not be
/// done later. An answer means that all of it has been done, on every shard. Errors are those of the protocol.
pub trait Backend: Send + Sync + 'static {
    /// The options of a channel. Error 102 for a namespace that does not exist, 107 for a name that is not allowed.
    fn options(&self, channel: &str) -> Result<Arc<ChannelOptions>, Error>;

    /// What was published under which key.
    fn idempotency(&self) -> &Idempotency;

    /// Publishes into a channel, waiting for room where a shard's inbox is full; 111 without room in time.
    fn publish(
        &self,
        channel: &str,
        publish: Publish,
    ) -> impl Future<Output = Result<StreamPosition, Error>> + Send;

    /// Reads a part of a channel's history; 108 without history, 112 for a position that is not held any more.
    fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error>;

    /// Drops a channel's history; 108 without one.
    fn remove_history(&self, channel: &str) -> Result<(), Error>;

    /// Who is in a channel; 108 where that is not known.
    fn presence(&self, channel: &str) -> Result<Vec<Arc<ClientInfo>>, Error>;

    /// How many are in a channel; 108 where that is not known.
    fn presence_stats(&self, channel: &str) -> Result<PresenceStats, Error>;

    /// Channels with subscribers that `accept` agrees to, and how many each has; 106 when there are more than
    /// `channels_max`.
    fn channels(
        &self,
        channels_max: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> impl Future<Output = Result<Vec<(Arc<str>, usize)>, Error>> + Send;

    /// Subscribes sessions to a channel, from a position on if one is given.
    fn subscribe(
        &self,
        whom: Whom<'_>,
        channel: &str,
        grant: SubscribeGrant,
        since: Option<Since<'_>>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends a subscription of sessions, or all of them.
    fn unsubscribe(
        &self,
        whom: Whom<'_>,
        channel: Option<&str>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends sessions, but for those excepted by their ids.
    fn disconnect(
        &self,
        whom: Whom<'_>,
        except: &[&str],
        disconnect: Disconnect,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Lets sessions live until another time, or expire.
    fn refresh(&self, whom: Whom<'_>, renewal: Renewal) -> impl Future<Output = Result<(), Error>> + Send;

    /// Turns tokens or users away, and ends the sessions that this means; or lets them in again.
    fn revoke(&self, revocation: Revocation<'_>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Has a share of the connections, from 0 to 1, go over a window and come back; says how many. 108 while the server
    /// leaves.
    fn send_away(&self, share: f64, window: Duration) -> Result<usize, Error>;

    /// Calls a method that the program around the server brings along, with JSON for JSON; 104 if there is none.
    fn call(&self, method: &str, params: &str) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;

    /// Whether one more session may come in from this address.
    fn may_come(&self, address: IpAddr) -> Result<(), TurnedAway> {
        let _ = address;
        Ok(())
    }

    /// Opens a session on a stream. Gives the stream back where no shard takes it; here none does.
    fn open(&self, opening: StreamOpening, stream: Stream) -> Result<(), Stream> {
        drop(opening);
        Err(stream)
    }

    /// Gives commands to a session on a stream, by its secret name and its node. Here there are none.
    fn say(&self, session: &str, node: &str, commands: Bytes) -> impl Future<Output = Heard> + Send {
        let _ = (session, node, commands);
        ready(Heard::NoSession)
    }

    /// Answers a poll: what follows a position in some channels, for who may read them. Where there is nothing and the poll waits,
    /// until there is something or `patience` ends. Dropped, it waits no longer.
    fn poll(
        &self,
        call: PollCall<'_>,
        patience: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<PollPage, PollRefusal>> + Send;

    /// What this node is and holds at the moment.
    fn info(&self) -> NodeInfo;

    /// What is counted.
    fn metrics(&self) -> &Metrics;

    /// All that is counted, as text.
    fn scrape(&self, form: Form) -> String;

    /// How it is. It waits for nobody.
    fn vitals(&self) -> Vitals;
}

/// What a node says about itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeInfo {
    /// Its id, new with each start.
    pub uid: String,
    /// Its name: `node.name`, or `wavecast_` and the configured port.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Sessions at the moment.
    pub num_clients: usize,
    /// Different users among them.
    pub num_users: usize,
    /// Subscriptions of all sessions.
    pub num_subs: usize,
    /// Channels with subscribers.
    pub num_channels: usize,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// What its process uses; `None` where the system does not tell.
    pub process: Option<ProcessUse>,
}
