//! Our metrics: names, kinds, labels, and what they say. Each name ends in its unit; what only grows ends in `_total`.

use crate::metrics::{Family, Kind};

macro_rules! families {
    ($($name:ident: $kind:ident $metric:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) static $name: Family = Family {
            name: $metric,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// All of them, in the order in which they are served.
        pub(super) static ALL: &[&Family] = &[$(&$name),*];
    };
}
pub(super) use families;

families! {
    CONNECTIONS: Gauge "wavecast_connections" []
        "Connections at the event loops, however far they have come.";
    ACCEPTED: Counter "wavecast_connections_accepted_total" []
        "Connections that came in at the event loops, or came back to them from the front desk.";
    REFUSED: Counter "wavecast_connections_refused_total" ["reason"]
        "Connections and handshakes that were turned away.";
    SESSIONS: Gauge "wavecast_sessions" ["transport"]
        "Sessions whose connect command was accepted.";
    SESSIONS_ACCEPTED: Counter "wavecast_sessions_accepted_total" ["transport"]
        "Connect commands that were accepted.";
    USERS: Gauge "wavecast_users" []
        "Different users among the sessions; anonymous ones are none.";
    CLOSES: Counter "wavecast_closes_total" ["by", "code"]
        "Connections that were open and have ended: by the client, the server, or a failure (1006).";
    SUBSCRIPTIONS: Gauge "wavecast_subscriptions" []
        "Subscriptions of all sessions.";
    SUBSCRIBES: Counter "wavecast_subscribes_total" []
        "Subscriptions that began.";
    UNSUBSCRIBES: Counter "wavecast_unsubscribes_total" ["code"]
        "Subscriptions that ended; code 0: by the client, 1: with its session.";
    CHANNELS: Gauge "wavecast_channels" []
        "Channels with subscribers.";
    CHANNELS_KEPT: Gauge "wavecast_channels_kept" []
        "Channels that are remembered, for subscribers, presence, history or a position: what engine.memory.channel_limit bounds.";
    COMMANDS: Counter "wavecast_commands_total" ["transport", "method"]
        "Commands of clients.";
    REPLY_ERRORS: Counter "wavecast_reply_errors_total" ["code"]
        "Errors in replies to clients.";

    PUBLICATIONS: Counter "wavecast_publications_total" ["source"]
        "Publications that were taken: of the HTTP API, of clients, of the program around the server.";
    NOT_PUBLISHED: Counter "wavecast_publications_refused_total" ["reason"]
        "Publications that were not taken.";
    SUPPRESSED: Counter "wavecast_publications_suppressed_total" []
        "Publications that were taken and sent to nobody, since the channel had their version or a later one.";
    DELIVERIES: Counter "wavecast_deliveries_total" []
        "Publications, joins and leaves that were put into outboxes of subscribers, one for each subscriber.";
    DELIVERED_BYTES: Counter "wavecast_delivered_bytes_total" []
        "Their bytes, with all framing, before compression.";
    DROPPED: Counter "wavecast_dropped_messages_total" ["policy"]
        "Messages that slow clients have lost, by the slow_consumer of their namespace.";
    NOTICES_DROPPED: Counter "wavecast_dropped_notices_total" []
        "Joins and leaves that a shard was not told of, since its inbox was full.";
    RECOVERIES: Counter "wavecast_recoveries_total" ["recovered"]
        "Subscriptions that asked for what they had missed.";
    RECOVERED: Counter "wavecast_recovered_publications_total" []
        "Publications that were given to these.";

    RECEIVED_BYTES: Counter "wavecast_network_receive_bytes_total" []
        "Bytes that event loops received, after TLS.";
    SENT_BYTES: Counter "wavecast_network_transmit_bytes_total" []
        "Bytes that event loops gave to the system, before TLS.";
    SENDS: Counter "wavecast_network_sends_total" []
        "Pieces in which these went.";
    HELD: Gauge "wavecast_memory_held_bytes" ["part"]
        "What is held for clients and channels: outboxes (a shared frame once), sessions, history, presence, channels, events, polls.";
    HELD_MAX: Gauge "wavecast_memory_max_bytes" []
        "What may be held (memory.max); 0: no limit.";

    HOOK_DURATION: Histogram "wavecast_hook_duration_seconds" ["hook", "outcome"]
        "Calls of hooks that were asked something, over HTTP or in Rust: ok, refused (an error or a disconnect), failed.";
    HOOK_FAILURES: Counter "wavecast_hook_failures_total" ["hook", "name"]
        "Calls over HTTP without an answer that counts: refused, too late, wrong, or without a turn.";
    EVENTS: Counter "wavecast_hook_events_total" ["outcome"]
        "Events for the back end: delivered; lost (too old); refused (the queue was full); swallowed (vacated and occupied again).";
    EVENT_FAILURES: Counter "wavecast_hook_event_failures_total" []
        "Deliveries of events that failed, and were made again.";
    EVENTS_WAITING: Gauge "wavecast_hook_events_waiting" []
        "Events that wait or are under way.";
    API_CALLS: Counter "wavecast_api_calls_total" ["method", "code"]
        "Calls of the HTTP API that showed the key, those in a batch as well; code 0: done.";
    API_DURATION: Histogram "wavecast_api_duration_seconds" ["method"]
        "How long they took, from the body's last byte to the answer.";
    HTTP_CONNECTIONS: Gauge "wavecast_http_connections" []
        "Plain HTTP connections at the front desk.";
    HTTP_ANSWERS: Counter "wavecast_http_responses_total" ["status"]
        "Answers of the front desk.";

    POLLS: Counter "wavecast_polls_total" ["outcome"]
        "Polls that were answered: publications, a gap, nothing (new), or refused.";
    POLLED: Counter "wavecast_poll_publications_total" []
        "Publications in these answers: deliveries beside those into outboxes.";
    POLLS_WAITING: Gauge "wavecast_polls_waiting" []
        "Polls that wait (poll.waiting_limit).";
    POLLS_UNSENT: Gauge "wavecast_poll_unsent_bytes" []
        "Bytes of answers that wait to be sent, or are remembered for others (poll.unsent_max_size).";

    TURNS: Counter "wavecast_shard_turns_total" ["shard"]
        "Turns of an event loop.";
    BUSY: Counter "wavecast_shard_busy_seconds_total" ["shard"]
        "Time that it did not wait: 1 a second is a whole core.";
    TURN_SECONDS: Histogram "wavecast_shard_turn_seconds" []
        "How long turns took: so long everybody else on the shard has waited.";
    INBOX: Gauge "wavecast_shard_inbox_events" ["shard"]
        "Events that wait for a shard, or have room reserved (shard.inbox_size).";
    CANARY: Gauge "wavecast_canary_round_trip_seconds" ["shard"]
        "How long the last canary publication was under way, through the engine to this shard.";
    CANARY_AGE: Gauge "wavecast_canary_age_seconds" []
        "How long ago that was sent.";
    READY: Gauge "wavecast_ready" []
        "1: canary publications come back from every shard, and the server does not drain.";
    LIVE: Gauge "wavecast_live" []
        "1: every event loop turns.";

    BUILD: Info "wavecast_build_info" ["version"]
        "What runs here.";
    CPU: Counter "process_cpu_seconds_total" []
        "Processor time of all threads, in the program and in the kernel.";
    RESIDENT: Gauge "process_resident_memory_bytes" []
        "Memory that is resident.";
    VIRTUAL: Gauge "process_virtual_memory_bytes" []
        "Memory that is mapped.";
    OPEN_FDS: Gauge "process_open_fds" []
        "Open files.";
    MAX_FDS: Gauge "process_max_fds" []
        "Files that may be open.";
    STARTED: Gauge "process_start_time_seconds" []
        "When the process started, Unix time.";
}
