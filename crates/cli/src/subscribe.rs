//! `wavecast subscribe`: prints what is published, one line of JSON for each publication.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;
use wavecast_client::{
    Client, ClientInfo, Data, Options, Publication, State, Subscription, SubscriptionEvent,
};

use crate::connection::Connection;
use crate::signal;

/// Events of all channels that wait to be printed, beside those in each subscription's own queue.
const EVENTS_MAX: usize = 64;

/// Prints what is published to channels
///
/// One line of JSON for each publication goes to standard output: {"channel":"news","offset":7,
/// "data":…}, with "tags", "info" and "time" where there are any. Whatever else happens (subscribed,
/// interrupted, something may be missing) goes to standard error. It reconnects and recovers by
/// itself. Exit codes: 0 after --count publications, Ctrl-C, or when nobody reads its output any
/// more; 1 when the server refuses all channels or the connection for good; 2 wrong use.
#[derive(Args, Debug)]
pub(crate) struct Subscribe {
    /// Channels to subscribe to
    #[arg(required = true, value_name = "CHANNEL")]
    channels: Vec<String>,
    #[command(flatten)]
    connection: Connection,
    /// End after this many publications
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(subscribe: &Subscribe) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    match runtime.block_on(print_all(subscribe)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn print_all(subscribe: &Subscribe) -> Result<(), String> {
    let client = subscribe.connection.client(Options::default()).map_err(|error| error.to_string())?;
    let mut events = subscribe_all(&client, &subscribe.channels).await?;
    tokio::spawn(tell_states(client.clone()));
    let outcome = tokio::select! {
        printed = print_events(&mut events, subscribe.count) => printed,
        // Being ended is how this command usually ends.
        ended = signal::to_end() => ended.map_err(|error| error.to_string()),
    };
    client.close().await;
    outcome
}

/// The events of all channels in one queue, with the channel's name.
async fn subscribe_all(
    client: &Client,
    channels: &[String],
) -> Result<mpsc::Receiver<(String, SubscriptionEvent)>, String> {
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    for channel in channels {
        let subscription = client.subscribe(channel).await.map_err(|error| format!("{channel}: {error}"))?;
        tokio::spawn(pass_on(subscription, sender.clone()));
    }
    Ok(events)
}

async fn pass_on(mut subscription: Subscription, events: mpsc::Sender<(String, SubscriptionEvent)>) {
    while let Some(event) = subscription.next().await {
        if events.send((subscription.channel().to_owned(), event)).await.is_err() {
            return;
        }
    }
}

/// Says on standard error why there is no connection, once for each attempt.
async fn tell_states(client: Client) {
    let mut states = client.states();
    while states.changed().await.is_ok() {
        if let State::Connecting { cause: Some(cause), .. } = &*states.borrow_and_update() {
            tell(format_args!("not connected: {cause}; trying again"));
        }
    }
}

/// Prints until enough has been printed, nobody reads any more, or all subscriptions have ended.
async fn print_events(
    events: &mut mpsc::Receiver<(String, SubscriptionEvent)>,
    count: Option<u64>,
) -> Result<(), String> {
    let mut printed = 0;
    while let Some((channel, event)) = events.recv().await {
        match event {
            SubscriptionEvent::Publication(publication) => {
                if !print(&publication).map_err(|error| format!("cannot write: {error}"))? {
                    return Ok(());
                }
                printed += 1;
                if Some(printed) == count {
                    return Ok(());
                }
            }
            SubscriptionEvent::Subscribed { recovered: true, .. } => {
                tell(format_args!("subscribed to {channel} again, nothing missed"));
            }
            SubscriptionEvent::Subscribed { .. } => tell(format_args!("subscribed to {channel}")),
            SubscriptionEvent::Gap(gap) => {
                tell(format_args!("{channel}: publications may be missing: {}", gap.cause));
            }
            SubscriptionEvent::Interrupted(cause) => {
                tell(format_args!("{channel}: interrupted: {cause}"));
            }
            SubscriptionEvent::Unsubscribed(cause) => tell(format_args!("{channel}: ended: {cause}")),
            _ => {}
        }
    }
    Err("no channel is left".to_owned())
}

/// Prints one line and flushes it; false if nobody reads it.
fn print(publication: &Publication) -> io::Result<bool> {
    let mut line = serde_json::to_vec(&Line::from(publication)).map_err(io::Error::from)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    match out.write_all(&line).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        // `wavecast subscribe news | head -3` is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

fn failed(error: &str) -> ExitCode {
    tell(format_args!("{error}"));
    ExitCode::FAILURE
}

/// Says something on standard error, where it may be that nobody listens.
fn tell(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "wavecast: {what}");
}

/// A publication as it is printed, with the protocol's field names.
#[derive(Serialize)]
struct Line<'p> {
    channel: &'p str,
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    data: &'p Data,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'p BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Info<'p>>,
    #[serde(skip_serializing_if = "is_zero")]
    time: i64,
}

#[derive(Serialize)]
struct Info<'p> {
    user: &'p str,
    client: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<&'p Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<&'p Data>,
}

impl<'p> From<&'p Publication> for Line<'p> {
    fn from(publication: &'p Publication) -> Self {
        Self {
            channel: &publication.channel,
            offset: publication.offset,
            data: &publication.data,
            tags: &publication.tags,
            info: publication.info.as_ref().map(Info::from),
            time: publication.time_ms,
        }
    }
}

impl<'p> From<&'p ClientInfo> for Info<'p> {
    fn from(info: &'p ClientInfo) -> Self {
        Self {
            user: &info.user,
            client: &info.client,
            conn_info: info.conn_info.as_ref(),
            chan_info: info.chan_info.as_ref(),
        }
    }
}

/// Zero means that there is none, as in the protocol.
fn is_zero(number: &(impl Default + PartialEq)) -> bool {
    *number == Default::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_there_is_and_nothing_else() {
        let bare = Publication {
            channel: "news".into(),
            offset: 0,
            data: Data::from(br#"{"a":1}"#.as_slice()),
            info: None,
            tags: BTreeMap::new(),
            time_ms: 0,
        };
        let line = serde_json::to_string(&Line::from(&bare)).unwrap();
        assert_eq!(line, r#"{"channel":"news","data":{"a":1}}"#);
        let info = ClientInfo { user: "u".into(), client: "c".into(), conn_info: None, chan_info: None };
        let tags = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        let full = Publication { offset: 7, info: Some(info), tags, time_ms: 5, ..bare };
        assert_eq!(
            serde_json::to_string(&Line::from(&full)).unwrap(),
            r#"{"channel":"news","offset":7,"data":{"a":1},"tags":{"k":"v"},"info":{"user":"u","client":"c"},"time":5}"#
        );
    }
}
