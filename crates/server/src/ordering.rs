//! Orders of the back end, carried to every shard and waited for: an answer means that all of them have done it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::info;
use wavecast_hub::{ShardId, Since};
use wavecast_net::shard;
use wavecast_protocol::centrifuge::{Disconnect, Encoding, Error};

use crate::hooks::{Grant as _, SubscribeGrant};
use crate::leaving::farewell;
use crate::node::Node;
use crate::orders::{Order, Target, client_id};
use crate::payload;
use crate::session::{Done, ServerSubscription};
use crate::shard_event::ShardEvent;
use crate::steering::{Renewal, Revocation, Whom};
use crate::token::RevocationError;

/// The pause before a shard without room is tried again.
const RETRY: Duration = Duration::from_millis(5);
/// The most channels whose subscribers are counted at once.
const COUNTED_AT_ONCE: usize = 1000;

impl Node {
    /// Subscribes sessions to a channel, and sends each what it is to have from there on. Those that are subscribed stay so,
    /// on the terms that they have. What is no JSON in it is sent as base64 text.
    ///
    /// With a position, what was published since then is sent, too, where the channel's history has it all.
    ///
    /// Dropped, it has reached some shards and others not; it may be repeated.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 107 for the id of a client that can be none, 108 where the channel is not offered,
    /// 106 where a session has too many, 100 for a grant that makes no sense, 111 when not all shards took it in time.
    pub async fn subscribe(
        &self,
        whom: Whom<'_>,
        channel: &str,
        grant: SubscribeGrant,
        since: Option<Since<'_>>,
    ) -> Result<(), Error> {
        self.rules().options(channel)?;
        let target = Target::new(whom);
        // Sessions of both encodings may be meant.
        let grant = grant.embedded(Encoding::Json);
        let subscription = ServerSubscription::of_hook(channel.to_owned(), grant)?;
        let since = since.map(|since| (since.offset, Box::from(since.epoch)));
        self.order(|done| Order::Subscribe {
            target: target.clone(),
            subscription: subscription.clone(),
            since: since.clone(),
            done,
        })
        .await
    }

    /// Tells a share of the connections, from 0 to 1, to go and come back (3011, force reconnect): chosen by chance, over all
    /// shards, evenly over a window. Says how many, at once. A second call takes the place of one that is not through: who has
    /// not been told by then stays.
    ///
    /// What a session was sent comes before its end, and the answer to what a hook is asked about.
    ///
    /// # Errors
    /// 108 while the server leaves, when all are told to go anyway.
    pub fn send_away(&self, share: f64, window: Duration) -> Result<usize, Error> {
        if self.departure().has_begun() {
            let message = "not available: the server is leaving, with all of its connections";
            return Err(Error { message: message.into(), ..Error::NOT_AVAILABLE });
        }
        let leave = farewell(Disconnect::FORCE_RECONNECT).over(window);
        let connections = shard::send_away(&self.remotes, share, &leave);
        info!(share, connections, over = ?window, "draining: connections are told to come back");
        Ok(connections)
    }

    /// Ends subscriptions of sessions, with code 2000: that to a channel, or all of each. Who has none is not told.
    ///
    /// Dropped, it has reached some shards and others not; it may be repeated.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 107 for the id of a client that can be none, 111 when not all shards took it in
    /// time.
    pub async fn unsubscribe(&self, whom: Whom<'_>, channel: Option<&str>) -> Result<(), Error> {
        if let Some(channel) = channel {
            self.rules().options(channel)?;
        }
        let target = Target::new(whom);
        self.order(|done| Order::Unsubscribe {
            target: target.clone(),
            channel: channel.map(Box::from),
            done,
        })
        .await
    }

    /// Ends sessions, but for those excepted by their ids. The code is that of a WebSocket close frame: by it the client
    /// decides whether to come back (not with 3500 to 3999 and 4500 to 4999).
    ///
    /// Dropped, it has reached some shards and others not; it may be repeated.
    ///
    /// # Errors
    /// 107 for the id of a client that can be none, 111 when not all shards took it in time.
    pub async fn disconnect(
        &self,
        whom: Whom<'_>,
        except: &[&str],
        disconnect: Disconnect,
    ) -> Result<(), Error> {
        let target = Target::new(whom);
        let except: Vec<[u8; 16]> = except.iter().map(|name| client_id(name)).collect();
        self.order(|done| Order::Disconnect {
            target: target.clone(),
            except: except.clone(),
            disconnect: disconnect.clone(),
            done,
        })
        .await
    }

    /// Lets sessions live until another time, or expire.
    ///
    /// Dropped, it has reached some shards and others not; it may be repeated.
    ///
    /// # Errors
    /// 107 for the id of a client that can be none, 111 when not all shards took it in time.
    pub async fn refresh(&self, whom: Whom<'_>, renewal: Renewal) -> Result<(), Error> {
        let target = Target::new(whom);
        let Renewal { expired, expire_at_s, info } = renewal;
        let info = info.map(payload::embed);
        self.order(|done| Order::Refresh {
            target: target.clone(),
            expired,
            expire_at_s,
            info: info.clone(),
            done,
        })
        .await
    }

    /// Turns tokens or users away from now on, and ends the sessions that this means with 3500. It is kept in this node's
    /// memory, and gone when it restarts.
    ///
    /// Dropped, it is in force, and some sessions may live on until they refresh; it may be repeated.
    ///
    /// # Errors
    /// 107 for an empty or too long name and a time in the past, 106 when no more are kept, 111 when not all shards took it
    /// in time.
    pub async fn revoke(&self, revocation: Revocation<'_>) -> Result<(), Error> {
        let revocations = &self.rules().revocations;
        let now_s = i64::try_from(self.now_ms() / 1000).unwrap_or(i64::MAX);
        let taken = match revocation {
            Revocation::Token { id, expire_at_s } => revocations.revoke_token(id, expire_at_s, now_s),
            Revocation::UserTokens { user, issued_before_s, expire_at_s } => {
                let from = issued_before_s.unwrap_or(now_s);
                revocations.invalidate_user_tokens(user, from, expire_at_s, now_s)
            }
            Revocation::BlockUser { user, expire_at_s } => revocations.block_user(user, expire_at_s, now_s),
            Revocation::UnblockUser { user } => {
                revocations.unblock_user(user);
                return Ok(());
            }
        };
        taken.map_err(|error| match error {
            RevocationError::Full => {
                Error { message: format!("limit exceeded: {error}").into(), ..Error::LIMIT_EXCEEDED }
            }
            _ => Error { message: format!("bad request: {error}").into(), ..Error::BAD_REQUEST },
        })?;
        self.order(|done| Order::DropRevoked { done }).await
    }

    /// Cuts the slowest clients of all shards, without waiting, until so many bytes are free. Who keeps a weak reference to
    /// `under_way` sees when all have done so.
    pub(crate) fn cut_slowest(&self, bytes: usize, under_way: &Arc<()>) {
        for remote in &self.remotes {
            let bytes = bytes / self.remotes.len().max(1);
            let order = Order::CutSlow { bytes, _under_way: Arc::clone(under_way) };
            if remote.push_control(ShardEvent::Order(Box::new(order))).is_err() {
                tracing::warn!("a shard takes no more orders: its slow clients live on");
            }
        }
    }

    /// Ends the other sessions of a user, without waiting: a user that may have one only has come anew.
    pub(crate) fn disconnect_others(&self, user: &str, except: [u8; 16]) {
        let target = Target { user: user.into(), client: None };
        for remote in &self.remotes {
            let (done, _) = Done::new();
            let order = Order::Disconnect {
                target: target.clone(),
                except: vec![except],
                disconnect: Disconnect::CONNECTION_LIMIT,
                done,
            };
            if remote.push_control(ShardEvent::Order(Box::new(order))).is_err() {
                tracing::warn!(
                    user,
                    "a shard takes no more orders: another connection of this user lives on"
                );
            }
        }
    }

    /// How many subscribers each of these channels has on this node.
    ///
    /// # Errors
    /// 111 when not all shards answered in time.
    pub(crate) async fn count(&self, channels: Vec<Arc<str>>) -> Result<Vec<usize>, Error> {
        let deadline = self.deadline();
        let mut counts = Vec::with_capacity(channels.len());
        for some in channels.chunks(COUNTED_AT_ONCE) {
            let some: Arc<[Arc<str>]> = some.into();
            let mut sums = vec![0; some.len()];
            for shard in self.shards() {
                let (reply, answer) = oneshot::channel();
                self.send(shard, Order::Count { channels: Arc::clone(&some), reply }, deadline).await?;
                let theirs = within(deadline, answer).await?;
                sums.iter_mut().zip(theirs).for_each(|(sum, count)| *sum += count);
            }
            counts.append(&mut sums);
        }
        Ok(counts)
    }

    /// Whether all shards take orders, and carry them out in the time that an API call has.
    pub async fn is_responsive(&self) -> bool {
        self.count(vec!["".into()]).await.is_ok()
    }

    /// Sends an order to every shard, and waits until all have carried it out.
    async fn order(&self, order: impl Fn(Done) -> Order) -> Result<(), Error> {
        let deadline = self.deadline();
        let (done, end) = Done::new();
        for shard in self.shards() {
            self.send(shard, order(done.clone()), deadline).await?;
        }
        drop(done);
        within(deadline, end).await?
    }

    /// Behind what has been published before, so that it still arrives: a last word, then the disconnect. Where publications
    /// take all the room, past them, since orders are what an operator has against that.
    async fn send(&self, shard: ShardId, order: Order, deadline: Instant) -> Result<(), Error> {
        let remote = &self.remotes[usize::from(shard.0)];
        let mut event = ShardEvent::Order(Box::new(order));
        while let Err(again) = remote.try_push(event).or_else(|event| remote.push_control(event)) {
            if Instant::now() >= deadline {
                return Err(Error::TOO_MANY_REQUESTS);
            }
            event = again;
            tokio::time::sleep(RETRY).await;
        }
        Ok(())
    }

    fn shards(&self) -> impl Iterator<Item = ShardId> {
        // At most SHARDS_MAX of them.
        (0..self.remotes.len() as u16).map(ShardId)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.config().http_api.timeout
    }
}

/// What comes of it by the deadline: 111 when that passes, 100 when a shard has ended.
async fn within<T>(
    deadline: Instant,
    answer: impl Future<Output = Result<T, oneshot::error::RecvError>>,
) -> Result<T, Error> {
    match tokio::time::timeout_at(deadline.into(), answer).await {
        Ok(answer) => answer.map_err(|_| Error::INTERNAL),
        Err(_) => Err(Error::TOO_MANY_REQUESTS),
    }
}
