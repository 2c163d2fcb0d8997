//! What is served at which port, where there are two.

use super::Config;

impl Config {
    /// As the port of clients has it: the same configuration, without what is on the internal port.
    pub(crate) fn public_part(&self) -> Self {
        let mut part = self.clone();
        if self.http_server.listen_internally().is_some() {
            part.http_api.disabled |= !part.http_api.external;
            part.health.enabled = false;
            part.prometheus.enabled = false;
        }
        part
    }

    /// As the internal port has it; `None` = there is none.
    pub(crate) fn internal_part(&self) -> Option<Self> {
        self.http_server.listen_internally()?;
        let mut part = self.clone();
        part.http_api.disabled |= part.http_api.external;
        part.websocket.disabled = true;
        part.sse.enabled = false;
        part.http_stream.enabled = false;
        part.uni_websocket.enabled = false;
        part.uni_sse.enabled = false;
        part.uni_http_stream.enabled = false;
        part.poll.enabled = false;
        part.pages.enabled = false;
        part.demo.enabled = false;
        part.http_server.connection_limit = part.http_server.internal.connection_limit;
        Some(part)
    }
}
