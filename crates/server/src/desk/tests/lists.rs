//! A backend that keeps lists: of what was published, and of what was asked for.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use wavecast_hub::{
    ChannelOptions, ClientInfo, DataFormat, HistoryPage, HistoryQuery, PresenceStats, Publication, Publish,
    Since, StreamPosition,
};
use wavecast_protocol::centrifuge::{Disconnect, Error};

use crate::canary::Vitals;
use crate::desk::backend::{Backend, NodeInfo};
use crate::hooks::SubscribeGrant;
use crate::idempotency::Idempotency;
use crate::metrics::{Form, Metrics};
use crate::polling::{PollCall, PollPage, PollRefusal};
use crate::process::ProcessUse;
use crate::steering::{Renewal, Revocation, Whom};

/// Publishes into lists. Channel `full` never has room, `unknown:…` has no namespace, `bare:…` has neither history nor
/// presence, `json:…` and `binary:…` take what they are called.
pub(super) struct Lists {
    pub(super) metrics: Metrics,
    pub(super) idempotency: Idempotency,
    pub(super) channels: Mutex<BTreeMap<String, Vec<Arc<Publication>>>>,
    /// What was published last, before it had its place.
    pub(super) latest: Mutex<Publish>,
    /// What was asked of sessions, in words.
    pub(super) orders: Mutex<Vec<String>>,
    /// Whether a publication waits until its caller gives up.
    pub(super) full: AtomicBool,
}

static NAMESPACES: LazyLock<BTreeMap<&str, Arc<ChannelOptions>>> = LazyLock::new(|| {
    let whole = ChannelOptions {
        presence: true,
        history_size: 100,
        history_ttl_ms: 60_000,
        ..ChannelOptions::default()
    };
    [
        ("", whole.clone()),
        ("bare", ChannelOptions::default()),
        (
            "json",
            ChannelOptions { data_format: DataFormat::Json, publication_bytes_max: 100, ..whole.clone() },
        ),
        ("binary", ChannelOptions { data_format: DataFormat::Binary, ..whole }),
    ]
    .map(|(name, options)| (name, Arc::new(options)))
    .into()
});

impl Default for Lists {
    fn default() -> Self {
        Self {
            metrics: Metrics::new(1, crate::desk::methods()),
            idempotency: Idempotency::new(Duration::from_secs(300), 65_536),
            channels: Mutex::default(),
            latest: Mutex::default(),
            orders: Mutex::default(),
            full: AtomicBool::default(),
        }
    }
}

impl Lists {
    pub(super) fn orders(&self) -> Vec<String> {
        std::mem::take(&mut *self.orders.lock().unwrap())
    }

    fn ordered(&self, order: impl Debug) -> Result<(), Error> {
        self.orders.lock().unwrap().push(format!("{order:?}"));
        Ok(())
    }
}

impl Backend for Lists {
    fn options(&self, channel: &str) -> Result<Arc<ChannelOptions>, Error> {
        let namespace = channel.split_once(':').map_or("", |(namespace, _)| namespace);
        NAMESPACES.get(namespace).map(Arc::clone).ok_or(Error::UNKNOWN_CHANNEL)
    }

    fn idempotency(&self) -> &Idempotency {
        &self.idempotency
    }

    async fn publish(&self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        let options = self.options(channel)?;
        if channel == "full" || self.full.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.latest.lock().unwrap().clone_from(&publish);
        if publish.skip_history || !options.has_history() {
            return Ok(StreamPosition::default());
        }
        let mut channels = self.channels.lock().unwrap();
        let stream = channels.entry(channel.into()).or_default();
        let offset = stream.len() as u64 + 1;
        let Publish { data, tags, time_ms, is_json, .. } = publish;
        let channel = channel.into();
        stream.push(Arc::new(Publication {
            channel,
            offset,
            data,
            tags,
            time_ms,
            is_json,
            ..Publication::default()
        }));
        Ok(StreamPosition { offset, epoch: "epoch".into() })
    }

    fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error> {
        if !self.options(channel)?.has_history() {
            return Err(Error::NOT_AVAILABLE);
        }
        let channels = self.channels.lock().unwrap();
        let stream = channels.get(channel).cloned().unwrap_or_default();
        let position = StreamPosition { offset: stream.len() as u64, epoch: "epoch".into() };
        let since = query.since.map_or(0, |since| since.offset);
        if since > position.offset {
            return Err(Error::UNRECOVERABLE_POSITION);
        }
        let limit =
            usize::try_from(query.limit).unwrap_or(query.publications_max).min(query.publications_max);
        let mut publications: Vec<_> = stream.into_iter().filter(|p| p.offset > since).collect();
        if query.reverse {
            publications.reverse();
        }
        publications.truncate(limit);
        Ok(HistoryPage { publications, position })
    }

    fn remove_history(&self, channel: &str) -> Result<(), Error> {
        if !self.options(channel)?.has_history() {
            return Err(Error::NOT_AVAILABLE);
        }
        self.channels.lock().unwrap().remove(channel);
        Ok(())
    }

    fn presence(&self, channel: &str) -> Result<Vec<Arc<ClientInfo>>, Error> {
        if !self.options(channel)?.presence {
            return Err(Error::NOT_AVAILABLE);
        }
        let ann = ClientInfo {
            user: "ann".into(),
            client: "c1".into(),
            conn_info: Some((*b"{\"a\":1}").into()),
            chan_info: Some((*b"2").into()),
        };
        let anonymous = ClientInfo { client: "c\"2".into(), ..ClientInfo::default() };
        Ok(vec![Arc::new(ann), Arc::new(anonymous)])
    }

    fn presence_stats(&self, channel: &str) -> Result<PresenceStats, Error> {
        self.presence(channel).map(|clients| PresenceStats { clients: clients.len(), users: 1 })
    }

    async fn channels(
        &self,
        channels_max: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<(Arc<str>, usize)>, Error> {
        let channels = ["news:a", "news:b", "chat:\"x\""].map(|name| (name.into(), name.len()));
        Ok(channels.into_iter().filter(|(name, _): &(Arc<str>, _)| accept(name)).take(channels_max).collect())
    }

    async fn subscribe(
        &self,
        whom: Whom<'_>,
        channel: &str,
        grant: SubscribeGrant,
        since: Option<Since<'_>>,
    ) -> Result<(), Error> {
        let text =
            |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(|b| String::from_utf8_lossy(b).into_owned());
        let SubscribeGrant { expire_at, overrides, .. } = grant;
        let (info, data) = (text(&grant.info), text(&grant.data));
        let overrides = (overrides.presence, overrides.join_leave, overrides.force_recovery);
        self.ordered(("subscribe", whom, channel, info, data, expire_at, overrides, since.map(|s| s.offset)))
    }

    async fn unsubscribe(&self, whom: Whom<'_>, channel: Option<&str>) -> Result<(), Error> {
        self.ordered(("unsubscribe", whom, channel))
    }

    async fn disconnect(&self, whom: Whom<'_>, except: &[&str], why: Disconnect) -> Result<(), Error> {
        self.ordered(("disconnect", whom, except, why.code, why.reason))
    }

    async fn refresh(&self, whom: Whom<'_>, renewal: Renewal) -> Result<(), Error> {
        let info = renewal.info.as_deref().map(String::from_utf8_lossy);
        self.ordered(("refresh", whom, renewal.expired, renewal.expire_at_s, info))
    }

    async fn revoke(&self, revocation: Revocation<'_>) -> Result<(), Error> {
        self.ordered(revocation)
    }

    fn send_away(&self, share: f64, window: Duration) -> Result<usize, Error> {
        self.ordered(("send_away", share, window)).map(|()| 5)
    }

    async fn poll(
        &self,
        _: PollCall<'_>,
        _: impl Future<Output = ()> + Send,
    ) -> Result<PollPage, PollRefusal> {
        Ok(PollPage::default())
    }

    async fn call(&self, method: &str, params: &str) -> Result<Vec<u8>, Error> {
        match method {
            "echo" => Ok(params.into()),
            "never" => std::future::pending().await,
            _ => Err(Error::METHOD_NOT_FOUND),
        }
    }

    fn info(&self) -> NodeInfo {
        NodeInfo {
            uid: "u".into(),
            name: "n".into(),
            version: "1".into(),
            num_clients: 2,
            uptime_s: 3,
            process: Some(ProcessUse { cpu_percent: 1.5, rss_bytes: 4096 }),
            ..NodeInfo::default()
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn scrape(&self, form: Form) -> String {
        format!("{form:?}")
    }

    fn vitals(&self) -> Vitals {
        Vitals::default()
    }
}
