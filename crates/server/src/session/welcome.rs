//! The connect reply in the making: the client may come in, and is told when all of its subscriptions have joined.

use wavecast_protocol::centrifuge::{ConnectResult, Error};

use super::identity::Identity;
use super::joining::Settled;
use super::pending::Welcome;
use super::rules::Rules;
use super::state::{Phase, Session};
use super::timing::Moment;
use crate::VERSION;

impl Session {
    /// The client may come in, as this identity; its subscriptions have to join first.
    pub(crate) fn welcomed(&mut self, identity: Option<Box<Identity>>, welcome: Welcome) {
        self.phase = Phase::Welcomed;
        self.identity = identity;
        if let Some(handshake) = &mut self.handshake {
            handshake.left_off = Default::default();
        }
        self.pending_mut().welcome = Some(Box::new(welcome));
    }

    /// Whether the connect reply takes so many bytes of publications more; the first of its pages always has room.
    pub(crate) fn welcome_takes(&mut self, page_bytes: usize, bytes_max: usize) -> bool {
        let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) else {
            return false;
        };
        welcome.pages.take(page_bytes, bytes_max)
    }

    /// One of the connect command's subscriptions has joined.
    pub(crate) fn welcome_settled(&mut self, settled: Settled) {
        if let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) {
            welcome.left = welcome.left.saturating_sub(1);
            welcome.settled.push(settled);
        }
    }

    /// One of them has ended before it was live.
    pub(crate) fn welcome_loses_one(&mut self) {
        if let Some(welcome) = self.pending.as_mut().and_then(|pending| pending.welcome.as_mut()) {
            welcome.left = welcome.left.saturating_sub(1);
        }
    }

    /// The connect reply, once all of its subscriptions have joined: then the session is connected.
    pub(crate) fn take_welcome(&mut self) -> Option<Box<Welcome>> {
        let welcome = self.pending.as_mut()?.welcome.take_if(|welcome| welcome.left == 0)?;
        self.phase = Phase::Connected;
        self.drop_idle_pending();
        Some(welcome)
    }

    /// The connect command fails after all: a subscription of it does, say. Gives its id. Nobody waits any more for those of
    /// its subscriptions that the hub has not answered yet.
    pub(crate) fn connect_fails(&mut self) -> Option<u32> {
        let pending = self.pending.as_mut()?;
        let welcome = pending.welcome.take()?;
        pending.joining.clear();
        self.phase = Phase::Refused;
        Some(welcome.id)
    }

    /// The result of the connect command.
    pub(crate) fn connect_result<'w>(
        &self,
        welcome: &'w Welcome,
        now: Moment,
        rules: &Rules,
    ) -> Result<ConnectResult<'w>, Error> {
        let mut result = ConnectResult {
            client: self.client().into(),
            version: VERSION.into(),
            expires: welcome.ttl > 0,
            ttl: welcome.ttl,
            data: &welcome.data,
            ping: super::timing::ping_seconds(rules.ping_interval),
            pong: !self.wire.is_one_way() && !rules.ping_interval.is_zero() && !rules.pong_timeout.is_zero(),
            time: if rules.include_server_time { i64::try_from(now.unix_ms).unwrap_or(0) } else { 0 },
            ..ConnectResult::default()
        };
        for Settled { channel, joining, joined } in &welcome.settled {
            result.subs.insert((&**channel).into(), joining.result(joined)?);
        }
        Ok(result)
    }
}
