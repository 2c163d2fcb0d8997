//! The values of our metrics.

use std::time::Duration;

use wavecast_hub::HubStats;
use wavecast_net::shard::{TURN_BOUNDS, Traffic};

use super::families as f;
use crate::VERSION;
use crate::hooks::Hook;
use crate::metrics::{
    Codes, CommandKind, HookOutcome, NotAdmitted, NotPublished, POLICIES, Page, PollOutcome, Reading,
    ShardTally, Source,
};
use crate::node::Node;
use crate::transport::Transport;

/// Writes all of them, in the order of the table.
pub(super) fn write(node: &Node, hub: &HubStats, page: &mut Page) {
    let traffic: Vec<Traffic> = node.remotes.iter().map(wavecast_net::shard::Remote::traffic).collect();
    clients(node, &traffic, hub, page);
    publications(node, hub, page);
    bytes(node, &traffic, page);
    hooks(node, page);
    http(node, page);
    polls(node, page);
    shards(node, &traffic, page);
    health(node, page);
    process(node, page);
}

fn clients(node: &Node, traffic: &[Traffic], hub: &HubStats, page: &mut Page) {
    let metrics = node.metrics();
    let sum = |number: fn(&Traffic) -> u64| traffic.iter().map(number).sum::<u64>();
    page.family(&f::CONNECTIONS).count(&[], sum(|t| t.connections));
    page.family(&f::ACCEPTED).count(&[], sum(|t| t.accepted));
    let mut refused = page.family(&f::REFUSED);
    refused
        .count(&["shard_full"], sum(|t| t.refused_full))
        .count(&["head_timeout"], sum(|t| t.refused_late))
        .count(&["head"], sum(|t| t.refused_head))
        .count(&["handshake"], sum(|t| t.refused_handshake))
        .count(&["tls"], sum(|t| t.refused_tls))
        .count(&["http_limit"], metrics.http_refused.get());
    for why in NotAdmitted::ALL {
        refused.count(&[why.name()], metrics.not_admitted(why).get());
    }
    by_transport(page, &f::SESSIONS, |transport| metrics.sessions(transport));
    by_transport(page, &f::SESSIONS_ACCEPTED, |transport| metrics.sum(|shard| shard.accepted(transport)));
    page.family(&f::USERS).count(&[], node.counts().users() as u64);
    let mut closes = page.family(&f::CLOSES);
    for (by, codes) in [
        ("client", &metrics.closed_by_client),
        ("server", &metrics.closed_by_server),
        ("failure", &metrics.closed_by_failure),
    ] {
        for (code, number) in codes.all() {
            closes.count(&[by, &Codes::label(code)], number);
        }
    }
    page.family(&f::SUBSCRIPTIONS).count(&[], node.counts().subscriptions() as u64);
    page.family(&f::SUBSCRIBES).count(&[], metrics.sum(|shard| &shard.subscribed));
    by_code(page, &f::UNSUBSCRIBES, metrics.unsubscribed.all());
    page.family(&f::CHANNELS).count(&[], hub.channels_active as u64);
    page.family(&f::CHANNELS_KEPT).count(&[], hub.channels as u64);
    let mut commands = page.family(&f::COMMANDS);
    for transport in Transport::ALL {
        for kind in CommandKind::ALL {
            let number = metrics.sum(|shard| shard.commands(transport, kind));
            commands.count(&[transport.name(), kind.name()], number);
        }
    }
    by_code(page, &f::REPLY_ERRORS, metrics.reply_errors.all());
}

fn publications(node: &Node, hub: &HubStats, page: &mut Page) {
    let metrics = node.metrics();
    let sum = |number: fn(&ShardTally) -> &crate::metrics::Own| metrics.sum(number);
    let mut published = page.family(&f::PUBLICATIONS);
    for source in Source::ALL {
        published.count(&[source.name()], metrics.published(source).get());
    }
    let mut refused = page.family(&f::NOT_PUBLISHED);
    for why in NotPublished::ALL {
        refused.count(&[why.name()], metrics.not_published(why).get());
    }
    page.family(&f::SUPPRESSED).count(&[], metrics.suppressed.get());
    page.family(&f::DELIVERIES).count(&[], sum(|shard| &shard.deliveries));
    page.family(&f::DELIVERED_BYTES).count(&[], sum(|shard| &shard.delivered_bytes));
    let mut dropped = page.family(&f::DROPPED);
    for (policy, name) in POLICIES {
        dropped.count(&[name], metrics.sum(|shard| shard.dropped(policy)));
    }
    page.family(&f::NOTICES_DROPPED).count(&[], hub.notices_dropped);
    let recovered = sum(|shard| &shard.recovered_some) + sum(|shard| &shard.recovered_none);
    page.family(&f::RECOVERIES).count(&["yes"], recovered).count(&["no"], sum(|shard| &shard.not_recovered));
    page.family(&f::RECOVERED).count(&[], sum(|shard| &shard.recovered_publications));
}

fn bytes(node: &Node, traffic: &[Traffic], page: &mut Page) {
    let sum = |number: fn(&Traffic) -> u64| traffic.iter().map(number).sum::<u64>();
    page.family(&f::RECEIVED_BYTES).count(&[], sum(|t| t.bytes_in));
    page.family(&f::SENT_BYTES).count(&[], sum(|t| t.bytes_out));
    page.family(&f::SENDS).count(&[], sum(|t| t.sends));
    let held = node.held();
    page.family(&f::HELD)
        .count(&["outboxes"], held.outboxes as u64)
        .count(&["sessions"], held.sessions as u64)
        .count(&["history"], held.history as u64)
        .count(&["presence"], held.presence as u64)
        .count(&["channels"], held.channels as u64)
        .count(&["events"], held.events as u64)
        .count(&["polls"], held.polls as u64);
    page.family(&f::HELD_MAX).count(&[], node.config().memory.max as u64);
}

fn hooks(node: &Node, page: &mut Page) {
    let meter = &node.metrics().hooks;
    let mut durations = page.family(&f::HOOK_DURATION);
    for hook in Hook::ALL {
        for outcome in HookOutcome::ALL {
            let reading = meter.of(hook, outcome).read();
            if reading.count() > 0 {
                durations.histogram(&[hook.name(), outcome.name()], &reading);
            }
        }
    }
    let mut failures = page.family(&f::HOOK_FAILURES);
    for failed in node.office().failures() {
        failures.count(&[failed.hook.name(), &failed.name], failed.failures);
    }
    let events = node.office().events().map(crate::hooks::EventQueue::counts).unwrap_or_default();
    page.family(&f::EVENTS)
        .count(&["delivered"], events.delivered)
        .count(&["lost"], events.lost)
        .count(&["refused"], events.refused)
        .count(&["swallowed"], events.swallowed);
    page.family(&f::EVENT_FAILURES).count(&[], events.failures);
    page.family(&f::EVENTS_WAITING).count(&[], events.waiting as u64);
}

fn http(node: &Node, page: &mut Page) {
    let metrics = node.metrics();
    let mut calls = page.family(&f::API_CALLS);
    for method in metrics.api.all() {
        let mut codes: Vec<_> = method.codes.all().collect();
        if codes.iter().all(|(code, _)| *code != 0) {
            codes.insert(0, (0, 0));
        }
        for (code, number) in codes {
            calls.count(&[method.name, &Codes::label(code)], number);
        }
    }
    let mut durations = page.family(&f::API_DURATION);
    for method in metrics.api.all() {
        let reading = method.durations.read();
        if reading.count() > 0 {
            durations.histogram(&[method.name], &reading);
        }
    }
    page.family(&f::HTTP_CONNECTIONS).count(&[], metrics.http_connections.get());
    by_code(page, &f::HTTP_ANSWERS, metrics.http_answers.all());
}

fn polls(node: &Node, page: &mut Page) {
    let tally = &node.metrics().polls;
    let mut polls = page.family(&f::POLLS);
    for outcome in PollOutcome::ALL {
        polls.count(&[outcome.name()], tally.outcome(outcome).get());
    }
    page.family(&f::POLLED).count(&[], tally.publications.get());
    page.family(&f::POLLS_WAITING).count(&[], tally.waiting() as u64);
    page.family(&f::POLLS_UNSENT).count(&[], tally.unsent_bytes() as u64);
}

fn shards(node: &Node, traffic: &[Traffic], page: &mut Page) {
    let numbers: Vec<String> = (0..traffic.len()).map(|n| n.to_string()).collect();
    let mut turns = page.family(&f::TURNS);
    for (number, traffic) in numbers.iter().zip(traffic) {
        turns.count(&[number], traffic.turns);
    }
    let mut busy = page.family(&f::BUSY);
    for (number, traffic) in numbers.iter().zip(traffic) {
        busy.number(&[number], traffic.busy_ns as f64 / 1e9);
    }
    let bounds = TURN_BOUNDS.map(|bound| bound.as_secs_f64());
    let within = |n: usize| traffic.iter().map(|traffic| traffic.turns_within[n]).sum();
    let reading = Reading {
        bounds: &bounds,
        within: (0..=bounds.len()).map(within).collect(),
        sum_s: traffic.iter().map(|traffic| traffic.busy_ns as f64 / 1e9).sum(),
    };
    page.family(&f::TURN_SECONDS).histogram(&[], &reading);
    let mut inbox = page.family(&f::INBOX);
    for (number, remote) in numbers.iter().zip(&node.remotes) {
        inbox.count(&[number], remote.waiting() as u64);
    }
}

fn health(node: &Node, page: &mut Page) {
    let vitals = node.vitals();
    let is_leaving = vitals.is_leaving;
    let round = vitals.last_round.unwrap_or_default();
    let mut trips = page.family(&f::CANARY);
    for (number, trip) in round.shards.iter().enumerate() {
        trips.number(&[&number.to_string()], trip.as_secs_f64());
    }
    page.family(&f::CANARY_AGE).number(&[], round.age.as_secs_f64());
    page.family(&f::READY).count(&[], (!is_leaving && vitals.keeps_from_ready.is_empty()).into());
    page.family(&f::LIVE).count(&[], (is_leaving || vitals.does_not_live.is_empty()).into());
}

fn process(node: &Node, page: &mut Page) {
    page.family(&f::BUILD).count(&[VERSION], 1);
    let figures = node.process().figures();
    let seconds = |time: Duration| time.as_secs_f64();
    let mut number = |family, value: Option<f64>| {
        let mut samples = page.family(family);
        if let Some(value) = value {
            samples.number(&[], value);
        }
    };
    number(&f::CPU, figures.cpu.map(seconds));
    number(&f::RESIDENT, figures.resident_bytes.map(|bytes| bytes as f64));
    number(&f::VIRTUAL, figures.virtual_bytes.map(|bytes| bytes as f64));
    number(&f::OPEN_FDS, figures.open_files.map(|files| files as f64));
    number(&f::MAX_FDS, figures.open_files_max.map(|files| files as f64));
    number(&f::STARTED, figures.started.map(seconds));
}

fn by_transport(page: &mut Page, family: &'static crate::metrics::Family, number: impl Fn(Transport) -> u64) {
    let mut samples = page.family(family);
    for transport in Transport::ALL {
        samples.count(&[transport.name()], number(transport));
    }
}

fn by_code(
    page: &mut Page,
    family: &'static crate::metrics::Family,
    codes: impl Iterator<Item = (u32, u64)>,
) {
    let mut samples = page.family(family);
    for (code, number) in codes {
        samples.count(&[&Codes::label(code)], number);
    }
}
