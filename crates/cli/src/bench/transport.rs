//! The ways by which publications come to a client, and what the orchestrator and the clients of one say about it.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Clients of one transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClientsPlan {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    /// Of the transport's endpoint, without a query.
    pub(super) path: String,
    pub(super) channel: String,
    pub(super) transport: Transport,
    pub(super) heads: Heads,
    /// Long-poll: seconds that a poll asks to wait.
    pub(super) wait_s: u32,
}

/// How publications come to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Transport {
    WebSocket,
    Sse,
    HttpStream,
    LongPoll,
    Poll { interval_ms: u64 },
}

impl Transport {
    /// An answer that does not end.
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::Sse | Self::HttpStream)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSocket => f.write_str("WebSocket"),
            Self::Sse => f.write_str("SSE"),
            Self::HttpStream => f.write_str("HTTP stream"),
            Self::LongPoll => f.write_str("long-poll"),
            Self::Poll { interval_ms } if interval_ms % 1000 == 0 => {
                write!(f, "poll {} s", interval_ms / 1000)
            }
            Self::Poll { interval_ms } => write!(f, "poll {interval_ms} ms"),
        }
    }
}

/// How much a client says in the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(super) enum Heads {
    /// What Chromium sends, without cookies
    Browser,
    /// No more than HTTP wants
    Bare,
}

/// What clients have counted since `Begin`; faults and gaps since ever.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) requests: u64,
    /// Through the sockets, heads and frames included.
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) deliveries: u64,
    /// Left out between two that came.
    pub(super) missed: u64,
    /// Came twice, or after a newer one.
    pub(super) doubled: u64,
    /// Gaps that the server has told of.
    pub(super) gaps: u64,
    /// Connections that had to be opened again.
    pub(super) reopened: u64,
    /// The numbers of the newest publications that each client has ever had, in all.
    pub(super) up_to: u64,
    /// (nanoseconds, count)
    pub(super) latency: Vec<(u64, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_that_fits_a_column() {
        let poll = |interval_ms| Transport::Poll { interval_ms }.to_string();
        assert_eq!([poll(1000), poll(1500), poll(60_000)], ["poll 1 s", "poll 1500 ms", "poll 60 s"]);
        assert_eq!(Transport::LongPoll.to_string(), "long-poll");
    }
}
