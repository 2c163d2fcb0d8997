//! What only the whole configuration can show: values that do not fit together.
//!
//! `channel`: the options of one namespace; `hook`: whatever is switched on needs somebody to call; `access`: who may connect;
//! `tls`: a certificate with its key; `doors`: what is listened on.

mod access;
mod channel;
mod doors;
mod hook;
mod tls;

use std::collections::BTreeMap;

use super::assemble::Assembly;
use super::duration;
use super::keys::{List, WITHOUT_NAMESPACE};
use super::settings::{Config, Shutdown};

/// The least that a budget of memory may be: less does not carry the buffers of the shards.
const MEMORY_MIN: usize = 16 << 20;

/// Checks that values fit together, and reports each that does not with the place it came from.
pub(super) fn whole(assembly: &mut Assembly) {
    let config = assembly.config.clone();
    check_client(assembly, &config);
    access::check(assembly, &config);
    check_paths(assembly, &config);
    check_channel_names(assembly, &config);
    channel::check(assembly, &config, WITHOUT_NAMESPACE, &config.channel.without_namespace);
    for namespace in &config.channel.namespaces {
        let section = format!("{}.{}", List::Channels.path(), namespace.name);
        channel::check(assembly, &config, &section, &namespace.settings);
    }
    hook::check(assembly, &config);
    tls::check(assembly, &config);
    check_shutdown(assembly, &config);
    doors::check(assembly, &config);
    let max = config.memory.max;
    if max > 0 && max < MEMORY_MIN {
        let allowed = format!("must be 0 (no limit) or at least {} MiB", MEMORY_MIN >> 20);
        assembly.complain("memory.max", max.to_string(), allowed);
    }
    if config.http_api.key.is_empty() && !config.http_api.insecure && !config.http_api.disabled {
        assembly.warn("http_api.key is not set, so every call of the HTTP API will be answered 401");
    }
}

fn check_client(assembly: &mut Assembly, config: &Config) {
    let client = &config.client;
    if client.pong_timeout >= client.ping_interval {
        let allowed = format!(
            "must be shorter than client.ping_interval, which is {}",
            duration::display(client.ping_interval)
        );
        assembly.complain("client.pong_timeout", duration::display(client.pong_timeout), allowed);
    }
    let events = &config.events;
    if events.retry_delay_min > events.retry_delay_max {
        let allowed = format!(
            "must not be longer than events.retry_delay_max, which is {}",
            duration::display(events.retry_delay_max)
        );
        assembly.complain("events.retry_delay_min", duration::display(events.retry_delay_min), allowed);
    }
}

/// Delay and drain are parts of the time that a shutdown may take. Who has made that short and said nothing of a drain has a
/// short one.
fn check_shutdown(assembly: &mut Assembly, config: &Config) {
    let Shutdown { timeout, drain, delay } = config.shutdown;
    let left = timeout.saturating_sub(delay);
    if delay > timeout {
        let allowed =
            format!("must not be longer than shutdown.timeout, which is {}", duration::display(timeout));
        assembly.complain("shutdown.delay", duration::display(delay), allowed);
    } else if drain > left && !assembly.is_default("shutdown.drain") {
        let allowed = format!(
            "must not be longer than what shutdown.timeout leaves of {} after shutdown.delay, which is {}",
            duration::display(timeout),
            duration::display(left)
        );
        assembly.complain("shutdown.drain", duration::display(drain), allowed);
    } else if drain > left / 2 && assembly.is_default("shutdown.drain") {
        assembly.config.shutdown.drain = left / 2;
    }
}

fn check_paths(assembly: &mut Assembly, config: &Config) {
    let (live, ready) = (config.health.below("live"), config.health.below("ready"));
    let paths = [
        ("websocket.handler_prefix", &config.websocket.handler_prefix, !config.websocket.disabled),
        ("http_api.handler_prefix", &config.http_api.handler_prefix, !config.http_api.disabled),
        ("health.handler_prefix", &config.health.handler_prefix, config.health.enabled),
        ("health.handler_prefix", &live, config.health.enabled),
        ("health.handler_prefix", &ready, config.health.enabled),
        ("prometheus.handler_prefix", &config.prometheus.handler_prefix, config.prometheus.enabled),
        ("sse.handler_prefix", &config.sse.handler_prefix, config.sse.enabled),
        ("http_stream.handler_prefix", &config.http_stream.handler_prefix, config.http_stream.enabled),
        (
            "emulation.handler_prefix",
            &config.emulation.handler_prefix,
            config.sse.enabled || config.http_stream.enabled,
        ),
        ("uni_websocket.handler_prefix", &config.uni_websocket.handler_prefix, config.uni_websocket.enabled),
        ("uni_sse.handler_prefix", &config.uni_sse.handler_prefix, config.uni_sse.enabled),
        (
            "uni_http_stream.handler_prefix",
            &config.uni_http_stream.handler_prefix,
            config.uni_http_stream.enabled,
        ),
        ("poll.handler_prefix", &config.poll.handler_prefix, config.poll.enabled),
    ];
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, path, _) in paths.into_iter().filter(|(.., served)| *served) {
        if let Some(other) = used.insert(path, key) {
            assembly.complain(key, format!("{path:?}"), format!("is the path of {other} already"));
        }
    }
}

fn check_channel_names(assembly: &mut Assembly, config: &Config) {
    let channel = &config.channel;
    let marks = [
        ("channel.private_prefix", &channel.private_prefix),
        ("channel.namespace_boundary", &channel.namespace_boundary),
        ("channel.user_boundary", &channel.user_boundary),
    ];
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, mark) in marks.into_iter().filter(|(_, mark)| !mark.is_empty()) {
        if let Some(other) = used.insert(mark, key) {
            assembly.complain(key, format!("{mark:?}"), format!("is used by {other} already"));
        }
    }
}
