//! The opening handshake as a load does it: one request for all connections.

use wavecast_websocket::Limits;
use wavecast_websocket::deflate::Compression;
use wavecast_websocket::handshake::{ClientRequest, HandshakeError};

/// RFC 6455 §4.1 wants a nonce for each connection, against caches that answer in the server's place. The load checks the
/// answer all the same, but saves itself the randomness.
const NONCE: [u8; 16] = *b"wavecast bench 0";

/// Request bytes that are made once, and the check of every answer.
#[derive(Debug)]
pub(super) struct Upgrade {
    host: String,
    path: String,
    request: Vec<u8>,
    compression: Option<Compression>,
    /// None or one.
    protocols: Vec<&'static str>,
    headers: &'static [(&'static str, &'static str)],
}

impl Upgrade {
    pub(super) fn new(host: &str, path: &str) -> Result<Self, String> {
        let (host, path) = (host.to_owned(), path.to_owned());
        Self { host, path, request: Vec::new(), compression: None, protocols: Vec::new(), headers: &[] }
            .write()
    }

    /// The same with these headers beside those of the handshake.
    pub(super) fn saying(self, headers: &'static [(&'static str, &'static str)]) -> Result<Self, String> {
        Self { headers, ..self }.write()
    }

    /// The same with this subprotocol asked for.
    pub(super) fn speaking(self, protocol: &'static str) -> Result<Self, String> {
        Self { protocols: vec![protocol], ..self }.write()
    }

    /// The same with an offer to compress, which the server has to take.
    pub(super) fn compressed(self) -> Result<Self, String> {
        Self { compression: Some(Compression::DEFAULT), ..self }.write()
    }

    fn write(self) -> Result<Self, String> {
        let mut request = Vec::new();
        self.as_client().write(&mut request).map_err(|error| error.to_string())?;
        Ok(Self { request, ..self })
    }

    fn as_client(&self) -> ClientRequest<'_> {
        let request = ClientRequest::new(&self.host, &self.path, NONCE);
        request.compression(self.compression).protocols(&self.protocols).headers(self.headers)
    }

    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Length of the answer's head, or `None` while it is incomplete.
    pub(super) fn check(&self, answer: &[u8]) -> Result<Option<usize>, String> {
        match self.as_client().verify(answer, &Limits::DEFAULT) {
            Ok(Some((established, _))) if established.compression.is_some() != self.compression.is_some() => {
                Err("the server does not compress".into())
            }
            Ok(established) => Ok(established.map(|(_, head_bytes)| head_bytes)),
            Err(HandshakeError::Status(rejected)) => {
                let body = String::from_utf8_lossy(&rejected.body_start).trim().to_owned();
                Err(format!("the server answered the handshake with {}: {body}", rejected.status))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_shows_what_the_server_said() {
        let upgrade = Upgrade::new("localhost:1", "/connection/websocket").unwrap();
        assert!(upgrade.request().starts_with(b"GET /connection/websocket HTTP/1.1\r\n"));
        assert_eq!(upgrade.check(b"HTTP/1.1 101 Switching"), Ok(None));
        let refused = upgrade.check(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\norigin");
        assert_eq!(refused, Err("the server answered the handshake with 403: origin".into()));
    }
}
