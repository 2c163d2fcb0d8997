//! `wavecast subscribe`: prints what is published, and who comes and goes, one line of JSON each.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;
use wavecast_client::{
    Client, ClientInfo, Data, Delta, Encoding, Options, Publication, State, StreamPosition, SubscribeOptions,
    Subscription, SubscriptionEvent, SubscriptionToken, TagsFilter,
};

use crate::connection::Connection;
use crate::signal;

/// Events of all channels that wait to be printed, beside those in each subscription's own queue.
const EVENTS_MAX: usize = 64;

/// Prints what is published to channels
///
/// One line of JSON for each publication goes to standard output: {"channel":"news","offset":7,
/// "data":…}, with "tags", "info" and "time" where there are any; data that are no JSON are a base64
/// string. With --join-leave there are lines such as {"channel":"news","join":{"user":"ann",…}}, too.
/// Whatever else happens (subscribed, interrupted, something may be missing) goes to standard error.
/// It reconnects and recovers by itself. Exit codes: 0 after --count publications, Ctrl-C, or when
/// nobody reads its output any more; 1 when the server refuses all channels or the connection for
/// good; 2 wrong use.
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
    /// Subscription token, for a channel that asks for one
    #[arg(long, env = "WAVECAST_CHANNEL_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    channel_token: Option<String>,
    /// Print what was published after this position first, as far as the channel's history has it: an
    /// offset and the epoch of the stream, such as 7@Xk3a
    #[arg(long, value_name = "OFFSET@EPOCH", value_parser = position)]
    since: Option<StreamPosition>,
    /// Also print who subscribes to the channels and who leaves them, where the server tells
    #[arg(long)]
    join_leave: bool,
    /// Only what is published with this tag; several have to match all
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Let the server send what changed since the publication before; what is printed is the same
    #[arg(long, conflicts_with = "tags")]
    delta: bool,
    /// Speak Protobuf instead of JSON
    #[arg(long)]
    protobuf: bool,
}

impl Subscribe {
    fn options(&self) -> Options {
        let encoding = if self.protobuf { Encoding::Protobuf } else { Encoding::Json };
        Options { encoding, ..Options::default() }
    }

    fn subscribe_options(&self) -> SubscribeOptions {
        let tags = self.tags.iter().map(|(key, value)| TagsFilter::equal(key, value));
        SubscribeOptions {
            token: self.channel_token.as_deref().map(SubscriptionToken::fixed),
            since: self.since.clone(),
            join_leave: self.join_leave,
            filter: (!self.tags.is_empty()).then(|| TagsFilter::all_of(tags)),
            delta: self.delta.then_some(Delta::Fossil),
            ..SubscribeOptions::default()
        }
    }
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
    let client = subscribe.connection.client(subscribe.options())?;
    let mut events = subscribe_all(&client, &subscribe.channels, &subscribe.subscribe_options()).await?;
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
    options: &SubscribeOptions,
) -> Result<mpsc::Receiver<(String, SubscriptionEvent)>, String> {
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    for channel in channels {
        let subscription = client.subscribe_with(channel, options.clone()).await;
        let subscription = subscription.map_err(|error| format!("{channel}: {error}"))?;
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
        let goes_on = match event {
            SubscriptionEvent::Publication(publication) => {
                printed += 1;
                print(&Line::from(&publication))? && Some(printed) != count
            }
            SubscriptionEvent::Join(info) => print(&Movement::join(&channel, &info))?,
            SubscriptionEvent::Leave(info) => print(&Movement::leave(&channel, &info))?,
            other => {
                tell_event(&channel, &other);
                true
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
    Err("no channel is left".to_owned())
}

/// Says on standard error what is no line of its own.
fn tell_event(channel: &str, event: &SubscriptionEvent) {
    match event {
        SubscriptionEvent::Subscribed { recovered: true, .. } => {
            tell(format_args!("subscribed to {channel} again, nothing missed"));
        }
        SubscriptionEvent::Subscribed { .. } => tell(format_args!("subscribed to {channel}")),
        SubscriptionEvent::Gap(gap) => {
            tell(format_args!("{channel}: publications may be missing: {}", gap.cause));
        }
        SubscriptionEvent::Interrupted(cause) => tell(format_args!("{channel}: interrupted: {cause}")),
        SubscriptionEvent::Retrying(cause) => {
            tell(format_args!("{channel}: not subscribed: {cause}; trying again"));
        }
        SubscriptionEvent::Unsubscribed(cause) => tell(format_args!("{channel}: ended: {cause}")),
        _ => {}
    }
}

/// Prints one line and flushes it; false if nobody reads it.
fn print(line: &impl Serialize) -> Result<bool, String> {
    let mut line = serde_json::to_vec(line).map_err(|error| format!("cannot write: {error}"))?;
    // In JSON a line break is white space between tokens; data of others may hold some.
    line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    line.push(b'\n');
    let mut out = io::stdout().lock();
    match out.write_all(&line).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        // `wavecast subscribe news | head -3` is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("cannot write: {error}")),
    }
}

/// Reads `OFFSET@EPOCH`.
fn position(text: &str) -> Result<StreamPosition, String> {
    let (offset, epoch) = text.split_once('@').ok_or("an offset and an epoch are joined by @")?;
    let offset = offset.parse().map_err(|_| "the offset is not a number")?;
    if epoch.is_empty() {
        return Err("the epoch is missing: offsets only count within one".to_owned());
    }
    Ok(StreamPosition { offset, epoch: epoch.to_owned() })
}

/// Reads `KEY=VALUE`.
fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a tag is a key, = and a value".to_owned()),
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

/// Somebody comes or goes, as it is printed.
#[derive(Serialize)]
struct Movement<'p> {
    channel: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<Info<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leave: Option<Info<'p>>,
}

impl<'p> Movement<'p> {
    fn join(channel: &'p str, info: &'p ClientInfo) -> Self {
        Self { channel, join: Some(info.into()), leave: None }
    }

    fn leave(channel: &'p str, info: &'p ClientInfo) -> Self {
        Self { channel, join: None, leave: Some(info.into()) }
    }
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

    #[test]
    fn coming_and_going_are_lines_of_their_own() {
        let conn_info = Some(Data::from(br#"{"name":"Ann"}"#.as_slice()));
        let info = ClientInfo { user: "ann".into(), client: "c".into(), conn_info, chan_info: None };
        let line = |movement: &Movement<'_>| serde_json::to_string(movement).unwrap();
        let ann = r#"{"user":"ann","client":"c","conn_info":{"name":"Ann"}}"#;
        assert_eq!(line(&Movement::join("news", &info)), format!(r#"{{"channel":"news","join":{ann}}}"#));
        assert_eq!(line(&Movement::leave("news", &info)), format!(r#"{{"channel":"news","leave":{ann}}}"#));
    }

    #[test]
    fn positions_and_tags_are_read() {
        assert_eq!(position("7@a@b"), Ok(StreamPosition { offset: 7, epoch: "a@b".into() }));
        for text in ["", "7", "@a", "7@", "-1@a", "a@7"] {
            assert!(position(text).is_err(), "{text}");
        }
        assert_eq!(tag("k=a=b"), Ok(("k".to_owned(), "a=b".to_owned())));
        for text in ["", "k", "=v", "k="] {
            assert!(tag(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_command_line_holds_together() {
        use clap::CommandFactory as _;

        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            subscribe: Subscribe,
        }
        Program::command().debug_assert();
    }
}
