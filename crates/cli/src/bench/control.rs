//! What the orchestrator and its worker processes say to each other: one JSON object a line, orders down the worker's
//! standard input, news up its standard output. The end of its input ends a worker.

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::transport::{ClientsPlan, Heard};

/// From the orchestrator to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// To a load, first: open these connections. Answered with `Progress`, then `Ready`.
    Load(LoadPlan),
    /// To a raw sender, first: listen. Answered with `Listening`, then `Ready` when all receivers are there.
    RawSender { receivers: u32, threads: u32, payload_bytes: usize, frame_bytes: usize },
    /// To a raw sender: so many publications in one send to every receiver.
    Send { messages: u32 },
    /// To a quiet observer, first: subscribe, and be ready to publish. Answered with `Ready`.
    Quiet(QuietPlan),
    /// To sleepers, first: join, and read nothing from then on. Answered with `Progress`, then `Ready`.
    Sleepers(SleepersPlan),
    /// To sleepers: read what is left. Answered with `Woken`.
    Wake,
    /// To a crowd, first: come in and do what the pages do. Answered with `Progress`, then `Ready`.
    Crowd(CrowdPlan),
    /// To a crowd: say nothing more, and wait for what is on its way; so many deliveries since `Begin` are known to come.
    /// Answered with `Crowd`.
    Hush { deliveries: u64 },
    /// To clients, first: what they are. Nobody comes in yet.
    Clients(ClientsPlan),
    /// To clients: so many more come in. Answered with `Ready` when all of them listen.
    Join { clients: u32 },
    /// Forget what has been counted. Answered with `Begun`. A quiet observer then publishes and reports at its end.
    Begin,
    /// To an echo load: every connection sends this many messages. Answered with `Finished`.
    Echo { messages: u32, outstanding: u32, payload_bytes: usize },
    /// Answered with `Report`, by a crowd with `Crowd`, by clients with `Heard`.
    Report,
}

/// From a worker to the orchestrator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum News {
    Listening {
        address: SocketAddr,
    },
    /// So many connections are ready by now.
    Progress {
        connections: u32,
    },
    Ready,
    Begun,
    /// Every subscriber of this load has received all publications up to this one.
    Reached {
        sequence: u32,
    },
    /// So many echoes have come back by now.
    Returned {
        messages: u64,
    },
    /// All echoes have come back.
    Finished,
    Report(Report),
    Woken(Woken),
    Crowd(CrowdReport),
    Heard(Heard),
    Failed {
        reason: String,
    },
}

/// What one load process opens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LoadPlan {
    pub(super) address: SocketAddr,
    /// Each loopback source address has some 28,000 ports of its own towards one server.
    pub(super) source: Option<Ipv4Addr>,
    pub(super) speech: Speech,
    pub(super) connections: u32,
    /// Connections on their way at the same time.
    pub(super) opening_max: u32,
    /// Frames up to this length fit into the receive buffer.
    pub(super) frame_bytes_max: usize,
}

/// What is spoken on a connection of the load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Speech {
    /// A WebSocket handshake, then the Centrifuge JSON protocol: connect and all subscriptions in one frame.
    Centrifuge { host: String, path: String, channels: Vec<String>, missed: Option<Missed> },
    /// A WebSocket handshake, then whatever is sent comes back.
    Echo { host: String, path: String },
    /// The same on a connection that has agreed to compression (RFC 7692).
    Compressed(Box<Speech>),
    /// Nothing is said: frames come in from the first byte.
    Raw,
}

/// What clients have missed that come back: they ask for it when they subscribe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Missed {
    pub(super) epoch: String,
    /// The last that they know.
    pub(super) offset: u64,
    /// Published since, with the sequence numbers from 1.
    pub(super) publications: u32,
}

/// What a quiet observer does: publish at fixed times to a channel of its own and time the way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct QuietPlan {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) channel: String,
    pub(super) route: PublishRoute,
    pub(super) payload_bytes: usize,
    pub(super) interval_ms: u64,
    pub(super) publications: u32,
}

/// Clients that never read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SleepersPlan {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) channel: String,
    pub(super) connections: u32,
}

/// What sleepers find when they are woken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Woken {
    pub(super) deliveries: u64,
    /// The newest publication that every one of them got in the end.
    pub(super) latest: u32,
    /// Those who were told that something was dropped.
    pub(super) told: u64,
    /// What they were told to be dropped, in all.
    pub(super) dropped: u64,
    /// Those who were told to subscribe again and recover (2500).
    pub(super) unsubscribed: u64,
    /// Those whose connection has ended.
    pub(super) closed: u64,
}

/// Visitors of a demo application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CrowdPlan {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) scene: ScenePlan,
    /// Visitors that come in at the same time.
    pub(super) opening_max: u32,
}

/// Which application, and how many do what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScenePlan {
    Chat { chatters: u32, rooms: u32, pause_ms: u32 },
    Monitoring { viewers: u32 },
    Game { players: u32, watchers: u32, inputs_per_second: u32 },
    Notifications { users: u32 },
}

/// What a crowd has counted since `Begin`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CrowdReport {
    /// That the server has taken, as far as the crowd can see.
    pub(super) publications: u64,
    /// Publications that visitors have received.
    pub(super) deliveries: u64,
    pub(super) bytes: u64,
    /// Left out where only the newest is promised.
    pub(super) skipped: u64,
    /// Came twice, or after a newer one.
    pub(super) doubled: u64,
    /// Left out where all are promised. Those that never came are counted in the last report.
    pub(super) lost: u64,
    /// Commands that were refused.
    pub(super) refused: u64,
    /// What else is worth knowing, by name.
    pub(super) parts: Vec<(String, u64)>,
    /// (nanoseconds, count), for each of the demo's ways.
    pub(super) delays: Vec<Vec<(u64, u64)>>,
}

/// How publications get into the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PublishRoute {
    /// The publish command of a client connection to the address that the subscribers use.
    Client,
    /// `POST {path}/publish` of the HTTP API.
    Api { address: SocketAddr, host: String, path: String, key: Option<String> },
}

/// What a worker has counted since `Begin`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) deliveries: u64,
    /// Deliveries that did not follow the one before on their connection: lost, doubled or out of order.
    pub(super) out_of_order: u64,
    /// Bytes on the wire, frame headers included.
    pub(super) bytes: u64,
    pub(super) reads: u64,
    /// Replies that brought exactly what was missed.
    pub(super) recovered: u64,
    /// (nanoseconds, count)
    pub(super) latency: Vec<(u64, u64)>,
}

/// Writes one line and flushes it.
pub(super) fn write_line<T: Serialize>(mut out: impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Reads one line; `None` at the end of the input.
pub(super) fn read_line<T: for<'de> Deserialize<'de>>(input: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_news_survive_the_pipe() {
        let order = Order::Load(LoadPlan {
            address: ([127, 0, 0, 1], 8000).into(),
            source: Some(Ipv4Addr::new(127, 0, 0, 2)),
            speech: Speech::Centrifuge {
                host: "h:1".into(),
                path: "/p".into(),
                channels: vec!["a\nb".into()],
                missed: Some(Missed { epoch: "e".into(), offset: 3, publications: 10 }),
            },
            connections: 7,
            opening_max: 64,
            frame_bytes_max: 1 << 16,
        });
        let news = News::Report(Report { latency: vec![(1, 2), (3, 4)], ..Report::default() });
        let mut pipe = Vec::new();
        write_line(&mut pipe, &order).unwrap();
        write_line(&mut pipe, &news).unwrap();
        let mut input = &pipe[..];
        assert_eq!(read_line::<Order>(&mut input).unwrap(), Some(order));
        assert_eq!(read_line::<News>(&mut input).unwrap(), Some(news));
        assert_eq!(read_line::<News>(&mut input).unwrap(), None);
    }
}
