//! Results of the API as JSON. Payloads that are JSON are put in as they are, others as base64 text.

use std::sync::Arc;

use serde::Serialize;
use wavecast_hub::{ClientInfo, HistoryPage, PresenceStats, Publication, StreamPosition};
use wavecast_protocol::centrifuge::Error;
use wavecast_protocol::centrifuge::json::encode_base64;

use crate::desk::backend::NodeInfo;

/// `{"result":…}` or `{"error":…}`, as the body of an answer and as an entry of a broadcast's responses.
pub(super) fn response(result: &Result<Vec<u8>, Error>, out: &mut Vec<u8>) {
    match result {
        Ok(result) => {
            out.extend_from_slice(b"{\"result\":");
            out.extend_from_slice(result);
        }
        Err(error) => {
            out.extend_from_slice(b"{\"error\":");
            self::error(error, out);
        }
    }
    out.push(b'}');
}

pub(super) fn error(error: &Error, out: &mut Vec<u8>) {
    json(&ErrorFields { code: error.code, message: &error.message }, out);
}

/// Where a publication went; a channel without a stream has no places.
pub(super) fn published(position: &StreamPosition) -> Vec<u8> {
    let mut out = Vec::new();
    json(&Position { offset: position.offset, epoch: &position.epoch }, &mut out);
    out
}

pub(super) fn broadcast(responses: &[Result<Vec<u8>, Error>]) -> Vec<u8> {
    let mut out = b"{\"responses\":[".to_vec();
    for (index, result) in responses.iter().enumerate() {
        separate(index, &mut out);
        response(result, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

/// What there is to say when something was done.
pub(super) fn nothing() -> Vec<u8> {
    b"{}".to_vec()
}

/// How many connections are told to go.
pub(super) fn told_to_go(connections: usize) -> Vec<u8> {
    format!("{{\"connections\":{connections}}}").into_bytes()
}

pub(super) fn presence(clients: &[Arc<ClientInfo>]) -> Vec<u8> {
    let mut out = b"{\"presence\":{".to_vec();
    for (index, info) in clients.iter().enumerate() {
        separate(index, &mut out);
        json(&*info.client, &mut out);
        out.push(b':');
        client_info(info, &mut out);
    }
    out.extend_from_slice(b"}}");
    out
}

pub(super) fn presence_stats(stats: &PresenceStats) -> Vec<u8> {
    let mut out = Vec::new();
    json(&StatsFields { num_clients: stats.clients, num_users: stats.users }, &mut out);
    out
}

pub(super) fn channels(channels: &[(Arc<str>, usize)]) -> Vec<u8> {
    let mut out = b"{\"channels\":{".to_vec();
    for (index, (name, num_clients)) in channels.iter().enumerate() {
        separate(index, &mut out);
        json(&**name, &mut out);
        out.extend_from_slice(format!(":{{\"num_clients\":{num_clients}}}").as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// What a method has returned, which is JSON.
pub(super) fn returned(data: &[u8]) -> Vec<u8> {
    [b"{\"data\":", data, b"}"].concat()
}

/// The results by their methods' names; no `result` stands around them.
pub(super) fn batch(replies: &[(&str, Result<Vec<u8>, Error>)]) -> Vec<u8> {
    let mut out = b"{\"replies\":[".to_vec();
    for (index, (method, result)) in replies.iter().enumerate() {
        separate(index, &mut out);
        match result {
            Ok(result) => {
                out.extend_from_slice(format!("{{\"{method}\":").as_bytes());
                out.extend_from_slice(result);
                out.push(b'}');
            }
            Err(_) => response(result, &mut out),
        }
    }
    out.extend_from_slice(b"]}");
    out
}

pub(super) fn history(page: &HistoryPage) -> Vec<u8> {
    let payloads: usize = page.publications.iter().map(|publication| publication.data.len() + 64).sum();
    let mut out = Vec::with_capacity(payloads + 64);
    out.extend_from_slice(b"{\"publications\":[");
    for (index, item) in page.publications.iter().enumerate() {
        separate(index, &mut out);
        publication(item, &mut out);
    }
    out.extend_from_slice(b"],\"offset\":");
    json(&page.position.offset, &mut out);
    out.extend_from_slice(b",\"epoch\":");
    json(&*page.position.epoch, &mut out);
    out.push(b'}');
    out
}

/// One node alone: there are no others yet.
pub(super) fn info(node: &NodeInfo) -> Vec<u8> {
    let node = NodeFields {
        uid: &node.uid,
        name: &node.name,
        version: &node.version,
        num_clients: node.num_clients,
        num_users: node.num_users,
        num_subs: node.num_subs,
        num_channels: node.num_channels,
        uptime: node.uptime_s,
        process: node.process.map(|used| ProcessFields { cpu: used.cpu_percent, rss: used.rss_bytes }),
    };
    let mut out = b"{\"nodes\":[".to_vec();
    json(&node, &mut out);
    out.extend_from_slice(b"]}");
    out
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    code: u32,
    message: &'a str,
}

#[derive(Serialize)]
struct Position<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    epoch: &'a str,
}

#[derive(Serialize)]
struct NodeFields<'a> {
    uid: &'a str,
    name: &'a str,
    version: &'a str,
    num_clients: usize,
    num_users: usize,
    num_subs: usize,
    num_channels: usize,
    uptime: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<ProcessFields>,
}

#[derive(Serialize)]
struct ProcessFields {
    cpu: f64,
    rss: u64,
}

#[derive(Serialize)]
struct StatsFields {
    num_clients: usize,
    num_users: usize,
}

fn publication(publication: &Publication, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"data\":");
    if publication.is_json {
        out.extend_from_slice(&publication.data);
    } else {
        encode_base64(&publication.data, out);
    }
    if let Some(info) = &publication.info {
        out.extend_from_slice(b",\"info\":");
        client_info(info, out);
    }
    if publication.offset > 0 {
        out.extend_from_slice(b",\"offset\":");
        json(&publication.offset, out);
    }
    if let Some(tags) = &publication.tags {
        out.extend_from_slice(b",\"tags\":");
        json(tags, out);
    }
    out.push(b'}');
}

fn client_info(info: &ClientInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"user\":");
    json(&*info.user, out);
    out.extend_from_slice(b",\"client\":");
    json(&*info.client, out);
    for (name, payload) in [("conn_info", &info.conn_info), ("chan_info", &info.chan_info)] {
        if let Some(payload) = payload {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            out.extend_from_slice(payload);
        }
    }
    out.push(b'}');
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

/// Numbers, strings and maps of them cannot fail to be written to memory.
fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
