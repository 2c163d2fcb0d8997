//! The same under the names that Centrifugo 6 has, so that its dashboards work. Labels that would need more than this server
//! tells apart are there and empty.

use wavecast_hub::HubStats;

use super::families::families;
use crate::VERSION;
use crate::hooks::Hook;
use crate::metrics::{
    Codes, CommandKind, Family, HookOutcome, Kind, NotAdmitted, Own, Page, ShardTally, Source,
};
use crate::node::Node;
use crate::transport::Transport;

families! {
    NUM_CLIENTS: Gauge "centrifugo_node_num_clients" [] "Sessions: wavecast_sessions.";
    NUM_USERS: Gauge "centrifugo_node_num_users" [] "Users: wavecast_users.";
    NUM_SUBSCRIPTIONS: Gauge "centrifugo_node_num_subscriptions" [] "Subscriptions: wavecast_subscriptions.";
    NUM_CHANNELS: Gauge "centrifugo_node_num_channels" [] "Channels with subscribers: wavecast_channels.";
    NUM_NODES: Gauge "centrifugo_node_num_nodes" [] "Nodes: 1.";
    BUILD: Gauge "centrifugo_node_build" ["version"] "What runs here: wavecast_build_info.";
    MESSAGES_SENT: OldCounter "centrifugo_node_messages_sent_count" ["type", "channel_namespace"]
        "Publications that were taken: wavecast_publications_total.";
    MESSAGES_RECEIVED: OldCounter "centrifugo_node_messages_received_count" ["type", "channel_namespace"]
        "The same: the engine is in this process.";
    ACTIONS: OldCounter "centrifugo_node_action_count" ["action", "channel_namespace"]
        "Sessions and subscriptions that came and went: wavecast_sessions_accepted_total, wavecast_subscribes_total, wavecast_unsubscribes_total.";
    CONNECTION_LIMIT: OldCounter "centrifugo_node_client_connection_limit" []
        "Handshakes refused: wavecast_connections_refused_total, connection_limit.";
    SUPPRESSED: OldCounter "centrifugo_broker_publish_suppressed_count" ["reason", "channel_namespace"]
        "Publications with a version that was there: wavecast_publications_suppressed_total.";
    CONNECTIONS_ACCEPTED: OldCounter "centrifugo_client_connections_accepted"
        ["transport", "accept_protocol", "client_name", "client_version"]
        "Sessions that came: wavecast_sessions_accepted_total.";
    CONNECTIONS: Gauge "centrifugo_client_connections_inflight"
        ["transport", "accept_protocol", "client_name", "client_version"]
        "Sessions: wavecast_sessions.";
    SUBSCRIPTIONS_ACCEPTED: OldCounter "centrifugo_client_subscriptions_accepted"
        ["client_name", "channel_namespace"]
        "Subscriptions that began: wavecast_subscribes_total.";
    SUBSCRIPTIONS: Gauge "centrifugo_client_subscriptions_inflight" ["client_name", "channel_namespace"]
        "Subscriptions: wavecast_subscriptions.";
    REPLY_ERRORS: OldCounter "centrifugo_client_num_reply_errors" ["method", "code", "channel_namespace"]
        "Errors in replies: wavecast_reply_errors_total.";
    UNSUBSCRIBES: OldCounter "centrifugo_client_num_server_unsubscribes" ["code", "channel_namespace"]
        "Subscriptions that the server ended: wavecast_unsubscribes_total without the codes 0 and 1.";
    DISCONNECTS: OldCounter "centrifugo_client_num_server_disconnects" ["code"]
        "Connections that the server ended: wavecast_closes_total by the server.";
    RECOVER: OldCounter "centrifugo_client_recover"
        ["recovered", "channel_namespace", "has_recovered_publications"]
        "Recoveries: wavecast_recoveries_total.";
    SENT: OldCounter "centrifugo_transport_messages_sent" ["transport", "frame_type", "channel_namespace"]
        "Deliveries, of all transports together, joins and leaves with them: wavecast_deliveries_total.";
    SENT_SIZE: OldCounter "centrifugo_transport_messages_sent_size"
        ["transport", "frame_type", "channel_namespace"]
        "Their bytes, here with all framing: wavecast_delivered_bytes_total.";
    RECEIVED: OldCounter "centrifugo_transport_messages_received"
        ["transport", "frame_type", "channel_namespace"]
        "Commands: wavecast_commands_total.";
    CLOSES: OldCounter "centrifugo_transport_outgoing_close_count" ["transport", "code"]
        "Closes by the server, of all transports together: wavecast_closes_total.";
    PROXY_DURATION: Histogram "centrifugo_proxy_duration_seconds_histogram" ["protocol", "type", "name"]
        "Hooks, all outcomes and names together: wavecast_hook_duration_seconds.";
    PROXY_ERRORS: OldCounter "centrifugo_proxy_errors" ["protocol", "type", "name"]
        "Hooks without an answer: wavecast_hook_failures_total.";
    API_DURATION: Histogram "centrifugo_api_command_duration_seconds_histogram" ["protocol", "method"]
        "Calls of the API: wavecast_api_duration_seconds.";
    API_ERRORS: Counter "centrifugo_api_command_errors_total" ["protocol", "method", "error"]
        "Errors of the API: wavecast_api_calls_total without code 0.";
}

/// Writes all of them, in the order of the table.
pub(super) fn write(node: &Node, hub: &HubStats, page: &mut Page) {
    counts(node, hub, page);
    sessions(node, page);
    messages(node, page);
    calls(node, page);
}

fn counts(node: &Node, hub: &HubStats, page: &mut Page) {
    let (metrics, counts) = (node.metrics(), node.counts());
    page.family(&NUM_CLIENTS).count(&[], counts.clients() as u64);
    page.family(&NUM_USERS).count(&[], counts.users() as u64);
    page.family(&NUM_SUBSCRIPTIONS).count(&[], counts.subscriptions() as u64);
    page.family(&NUM_CHANNELS).count(&[], hub.channels_active as u64);
    page.family(&NUM_NODES).count(&[], 1);
    page.family(&BUILD).count(&[VERSION], 1);
    let published = Source::ALL.into_iter().map(|source| metrics.published(source).get()).sum();
    page.family(&MESSAGES_SENT).count(&["publication", ""], published);
    page.family(&MESSAGES_RECEIVED).count(&["publication", ""], published);
    let sum = |of: &dyn Fn(Transport) -> u64| Transport::ALL.into_iter().map(of).sum::<u64>();
    let accepted = sum(&|transport| metrics.sum(|shard| shard.accepted(transport)));
    let ended = sum(&|transport| metrics.sum(|shard| shard.ended(transport)));
    let subscribed = metrics.sum(|shard| &shard.subscribed);
    let unsubscribed = metrics.unsubscribed.all().map(|(_, number)| number).sum();
    page.family(&ACTIONS)
        .count(&["add_client", ""], accepted)
        .count(&["remove_client", ""], ended)
        .count(&["add_subscription", ""], subscribed)
        .count(&["remove_subscription", ""], unsubscribed);
    let limit = metrics.not_admitted(NotAdmitted::ConnectionLimit).get();
    page.family(&CONNECTION_LIMIT).count(&[], limit);
    page.family(&SUPPRESSED).count(&["version", ""], metrics.suppressed.get());
}

fn sessions(node: &Node, page: &mut Page) {
    let metrics = node.metrics();
    let mut accepted = page.family(&CONNECTIONS_ACCEPTED);
    for transport in Transport::ALL {
        accepted.count(&[transport.name(), "", "", ""], metrics.sum(|shard| shard.accepted(transport)));
    }
    let mut sessions = page.family(&CONNECTIONS);
    for transport in Transport::ALL {
        sessions.count(&[transport.name(), "", "", ""], metrics.sessions(transport));
    }
    let subscribed = metrics.sum(|shard| &shard.subscribed);
    page.family(&SUBSCRIPTIONS_ACCEPTED).count(&["", ""], subscribed);
    page.family(&SUBSCRIPTIONS).count(&["", ""], node.counts().subscriptions() as u64);
    let mut errors = page.family(&REPLY_ERRORS);
    for (code, number) in metrics.reply_errors.all() {
        errors.count(&["", &Codes::label(code), ""], number);
    }
    let mut unsubscribes = page.family(&UNSUBSCRIBES);
    for (code, number) in metrics.unsubscribed.all().filter(|(code, _)| *code > 1) {
        unsubscribes.count(&[&Codes::label(code), ""], number);
    }
    let mut disconnects = page.family(&DISCONNECTS);
    for (code, number) in metrics.closed_by_server.all() {
        disconnects.count(&[&Codes::label(code)], number);
    }
}

fn messages(node: &Node, page: &mut Page) {
    let metrics = node.metrics();
    let sum = |number: fn(&ShardTally) -> &Own| metrics.sum(number);
    page.family(&RECOVER)
        .count(&["yes", "", "yes"], sum(|shard| &shard.recovered_some))
        .count(&["yes", "", "no"], sum(|shard| &shard.recovered_none))
        .count(&["no", "", "no"], sum(|shard| &shard.not_recovered));
    page.family(&SENT).count(&["", "push_publication", ""], sum(|shard| &shard.deliveries));
    page.family(&SENT_SIZE).count(&["", "push_publication", ""], sum(|shard| &shard.delivered_bytes));
    let mut received = page.family(&RECEIVED);
    for transport in Transport::ALL {
        for kind in CommandKind::ALL {
            let name = if kind == CommandKind::Pong { "client_pong" } else { kind.name() };
            let number = metrics.sum(|shard| shard.commands(transport, kind));
            received.count(&[transport.name(), name, ""], number);
        }
    }
    let mut closes = page.family(&CLOSES);
    for (code, number) in metrics.closed_by_server.all() {
        closes.count(&["", &Codes::label(code)], number);
    }
}

fn calls(node: &Node, page: &mut Page) {
    let metrics = node.metrics();
    let mut durations = page.family(&PROXY_DURATION);
    for hook in Hook::ALL {
        let [ok, refused, failed] = HookOutcome::ALL.map(|outcome| metrics.hooks.of(hook, outcome).read());
        let reading = ok.and(&refused).and(&failed);
        if reading.count() > 0 {
            durations.histogram(&["http", hook.name(), ""], &reading);
        }
    }
    let mut errors = page.family(&PROXY_ERRORS);
    for failed in node.office().failures() {
        errors.count(&["http", failed.hook.name(), &failed.name], failed.failures);
    }
    let mut durations = page.family(&API_DURATION);
    for method in metrics.api.all() {
        let reading = method.durations.read();
        if reading.count() > 0 {
            durations.histogram(&["http", method.name], &reading);
        }
    }
    let mut errors = page.family(&API_ERRORS);
    for method in metrics.api.all() {
        for (code, number) in method.codes.all().filter(|(code, _)| *code != 0) {
            errors.count(&["http", method.name, &Codes::label(code)], number);
        }
    }
}
