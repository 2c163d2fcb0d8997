//! How publications get into the server: by a client's publish command, or by the HTTP API.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::control::PublishRoute;
use super::dialogue::Dialogue;
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::records;
use super::stamp::{self, Stamp};

const ANSWER_WAIT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Half of the time that a server with the default configuration waits for the first request of a connection.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// The HTTP API as a way in.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ApiOptions {
    /// HTTP API to publish by: http://…/api, or a path on the server itself [default: a client connection; with bench
    /// recovery and bench demo: /api]
    #[arg(long)]
    api: Option<String>,

    /// Key for --api, sent as X-API-Key
    #[arg(long, requires = "api", env = "WAVECAST_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

impl ApiOptions {
    /// A client connection unless --api is given.
    pub(super) fn route(&self, server: &Endpoint) -> Result<PublishRoute, BenchError> {
        self.api.as_ref().map_or(Ok(PublishRoute::Client), |url| self.at(url, server))
    }

    /// The HTTP API at `url` unless --api names another.
    pub(super) fn route_or(&self, server: &Endpoint, url: &str) -> Result<PublishRoute, BenchError> {
        self.at(self.api.as_deref().unwrap_or(url), server)
    }

    fn at(&self, url: &str, server: &Endpoint) -> Result<PublishRoute, BenchError> {
        let api = if url.starts_with('/') {
            Endpoint::parse(&format!("http://{}{url}", server.host), "http", "/api")?
        } else {
            Endpoint::parse(url, "http", "/api")?
        };
        if self.api_key.as_ref().is_some_and(|key| key.contains(|c: char| c.is_control())) {
            return Err(BenchError::Usage("--api-key: control characters cannot be sent in a header".into()));
        }
        let path = api.path.trim_end_matches('/').to_owned();
        Ok(PublishRoute::Api { address: api.address, host: api.host, path, key: self.api_key.clone() })
    }
}

/// Publishes stamped payloads to one channel.
#[derive(Debug)]
pub(super) struct Publisher {
    channel: String,
    payload_bytes: usize,
    /// Payloads are full of records instead of filler: what is compressed has to be worth it.
    records: bool,
    way: Way,
    /// Kept from one publication to the next.
    text: Vec<u8>,
}

#[derive(Debug)]
enum Way {
    Client { dialogue: Dialogue, commands: u32 },
    Api(Api),
}

impl Publisher {
    pub(super) fn open(
        server: &Endpoint,
        route: &PublishRoute,
        channel: &str,
        payload_bytes: usize,
    ) -> Result<Self, String> {
        let way = match route {
            PublishRoute::Client => {
                let dialogue =
                    Dialogue::open(server, &[]).map_err(|reason| format!("publisher: {reason}"))?;
                Way::Client { dialogue, commands: 1 }
            }
            PublishRoute::Api { .. } => Way::Api(Api::open(route)?),
        };
        // Quoted once here, so that a channel name cannot break out of the command.
        let channel = serde_json::Value::from(channel).to_string();
        Ok(Self { channel, payload_bytes, records: false, way, text: Vec::new() })
    }

    /// Publishes records as applications do, which differ from one publication to the next.
    pub(super) fn of_records(self) -> Self {
        Self { records: true, ..self }
    }

    /// Publishes one payload. Through a client connection this does not wait for the reply; a refusal comes out of one of
    /// the next calls.
    pub(super) fn publish(&mut self, stamp: Stamp) -> Result<(), String> {
        self.text.clear();
        if let Way::Client { dialogue, commands } = &mut self.way {
            dialogue.drain().map_err(|reason| format!("publisher: {reason}"))?;
            *commands = commands.wrapping_add(1).max(1);
            let head = format!(r#"{{"id":{commands},"publish":{{"channel":{},"data":"#, self.channel);
            self.text.extend_from_slice(head.as_bytes());
        } else {
            self.text.extend_from_slice(format!(r#"{{"channel":{},"data":"#, self.channel).as_bytes());
        }
        if self.records {
            records::write_payload(stamp, self.payload_bytes, &mut self.text);
        } else {
            stamp::write_payload(stamp, self.payload_bytes, &mut self.text);
        }
        match &mut self.way {
            Way::Client { dialogue, .. } => {
                self.text.extend_from_slice(b"}}");
                dialogue.send(&self.text).map_err(|reason| format!("publisher: {reason}"))
            }
            Way::Api(api) => {
                self.text.push(b'}');
                let answer = api.publish(&self.text);
                answer.map(drop).map_err(|reason| format!("publishing by the HTTP API: {reason}"))
            }
        }
    }

    /// Opens its connection to the HTTP API anew where it has been silent for so long that the server may close it.
    pub(super) fn wake(&mut self) -> Result<(), String> {
        let Way::Api(api) = &mut self.way else { return Ok(()) };
        if api.used.elapsed() > SILENCE_MAX {
            api.stream = dial(api.address)?;
            api.used = Instant::now();
        }
        Ok(())
    }

    /// Whether a publication was refused meanwhile.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match &mut self.way {
            Way::Client { dialogue, .. } => dialogue.drain().map_err(|reason| format!("publisher: {reason}")),
            Way::Api(_) => Ok(()),
        }
    }
}

/// One HTTP/1.1 connection that is kept open.
#[derive(Debug)]
pub(super) struct Api {
    address: SocketAddr,
    head: String,
    stream: BufReader<TcpStream>,
    /// When it was opened, or the last answer came.
    used: Instant,
}

impl Api {
    pub(super) fn open(route: &PublishRoute) -> Result<Self, String> {
        let PublishRoute::Api { address, host, path, key } = route else {
            return Err("no HTTP API given".into());
        };
        let key = key.as_ref().map(|key| format!("X-API-Key: {key}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path}/publish HTTP/1.1\r\nHost: {host}\r\n{key}Content-Type: application/json\r\n"
        );
        Ok(Self { address: *address, head, stream: dial(*address)?, used: Instant::now() })
    }

    /// Sends the body of a publish call, and returns the answer of a server that has carried it out.
    pub(super) fn publish(&mut self, body: &[u8]) -> Result<Vec<u8>, String> {
        let mut request = format!("{}Content-Length: {}\r\n\r\n", self.head, body.len()).into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).map_err(|error| error.to_string())?;
        let (status, answer) = read_answer(&mut self.stream)?;
        self.used = Instant::now();
        if status != 200 || answer.windows(8).any(|part| part == b"\"error\":") {
            let answer = String::from_utf8_lossy(&answer);
            return Err(format!("status {status}: {}", answer.chars().take(200).collect::<String>()));
        }
        Ok(answer)
    }
}

fn dial(address: SocketAddr) -> Result<BufReader<TcpStream>, String> {
    let stream = TcpStream::connect_timeout(&address, ANSWER_WAIT);
    let stream = stream.map_err(|error| format!("connecting to the HTTP API at {address}: {error}"))?;
    let prepared = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER_WAIT)));
    prepared.and_then(|()| stream.set_write_timeout(Some(ANSWER_WAIT))).map_err(|error| error.to_string())?;
    Ok(BufReader::new(stream))
}

/// Status and body of a response whose length is announced (RFC 9112 §6.2).
fn read_answer(stream: &mut impl BufRead) -> Result<(u16, Vec<u8>), String> {
    let mut head = stream.take(ANSWER_BYTES_MAX as u64);
    let (mut status, mut length) = (None, None);
    loop {
        let mut line = String::new();
        if head.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("the answer ended early".into());
        }
        let line = line.trim_end();
        match (status, line.split_once(':')) {
            (None, _) => {
                let code = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
                status = Some(code.ok_or_else(|| format!("no HTTP/1.1 answer: {line:?}"))?);
            }
            (_, Some((name, value))) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
            }
            (Some(status), None) if line.is_empty() => {
                let length = length.filter(|&length| length <= ANSWER_BYTES_MAX);
                let length = length.ok_or("the answer does not say its length, or is too long")?;
                let mut body = vec![0; length];
                stream.read_exact(&mut body).map_err(|error| error.to_string())?;
                return Ok((status, body));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let mut stream = &b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nX: y\r\n\r\n{}HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"[..];
        assert_eq!(read_answer(&mut stream).unwrap(), (200, b"{}".to_vec()));
        assert_eq!(read_answer(&mut stream).unwrap(), (401, Vec::new()));
        assert!(read_answer(&mut stream).is_err());
    }

    #[test]
    fn answers_of_no_or_monstrous_length_are_refused() {
        for answer in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "SSH-2.0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        ] {
            assert!(read_answer(&mut answer.as_bytes()).is_err(), "{answer:?}");
        }
    }
}
