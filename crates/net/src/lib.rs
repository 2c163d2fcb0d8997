//! Event loops, connections and outboxes: WebSocket servers and clients with the four events.
