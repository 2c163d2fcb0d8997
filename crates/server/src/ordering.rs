//! Orders of the back end, carried to every shard and waited for: an answer means that all of them have done it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wavecast_hub::ShardId;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use crate::node::Node;
use crate::orders::{Order, Target};
use crate::session::{Done, ServerSubscription};
use crate::shard_event::ShardEvent;

/// The pause before a shard without room is tried again.
const RETRY: Duration = Duration::from_millis(5);
/// The most channels whose subscribers are counted at once.
const COUNTED_AT_ONCE: usize = 1000;

impl Node {
    /// Subscribes sessions to a channel; those that are subscribed stay so.
    ///
    /// # Errors
    /// 102, 107 and 108 for the channel, 106 where a session has too many, 111 when not all shards took it in time.
    pub(crate) async fn subscribe(
        &self,
        target: Target,
        subscription: ServerSubscription,
        since: Option<(u64, Box<str>)>,
    ) -> Result<(), Error> {
        self.rules().options(&subscription.channel)?;
        self.order(|done| Order::Subscribe {
            target: target.clone(),
            subscription: subscription.clone(),
            since: since.clone(),
            done,
        })
        .await
    }

    /// Ends subscriptions of sessions: one, or all of each.
    ///
    /// # Errors
    /// 111 when not all shards took it in time.
    pub(crate) async fn unsubscribe(&self, target: Target, channel: Option<Box<str>>) -> Result<(), Error> {
        self.order(|done| Order::Unsubscribe { target: target.clone(), channel: channel.clone(), done }).await
    }

    /// Ends sessions, but for those excepted.
    ///
    /// # Errors
    /// 111 when not all shards took it in time.
    pub(crate) async fn disconnect(
        &self,
        target: Target,
        except: Vec<[u8; 16]>,
        disconnect: Disconnect,
    ) -> Result<(), Error> {
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
    /// # Errors
    /// 111 when not all shards took it in time.
    pub(crate) async fn refresh(
        &self,
        target: Target,
        expired: bool,
        expire_at_s: u64,
        info: Option<Box<[u8]>>,
    ) -> Result<(), Error> {
        self.order(|done| Order::Refresh {
            target: target.clone(),
            expired,
            expire_at_s,
            info: info.clone(),
            done,
        })
        .await
    }

    /// Ends the sessions that a revocation means.
    ///
    /// # Errors
    /// 111 when not all shards took it in time.
    pub(crate) async fn drop_revoked(&self) -> Result<(), Error> {
        self.order(|done| Order::DropRevoked { done }).await
    }

    /// Cuts the slowest clients of all shards, without waiting, until so many bytes are free.
    pub(crate) fn cut_slowest(&self, bytes: usize) {
        for remote in &self.remotes {
            let order = Order::CutSlow { bytes: bytes / self.remotes.len().max(1) };
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

    async fn send(&self, shard: ShardId, order: Order, deadline: Instant) -> Result<(), Error> {
        let remote = &self.remotes[usize::from(shard.0)];
        let mut event = ShardEvent::Order(Box::new(order));
        while let Err(again) = remote.push_control(event) {
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
