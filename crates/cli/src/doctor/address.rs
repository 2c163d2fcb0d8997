//! The way of a client to the server: name, TCP, TLS, proxies, WebSocket, connect command.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use wavecast_net::client::{
    CloseCode, ConnectError, ConnectOptions, HandshakeError, Message, Rejected, Url, WebSocket,
};
use wavecast_server::http_client::TlsOptions;

use super::client::http_client;
use super::finding::Finding;

const SUBJECT: &str = "url";
const STRIPPED: &str = "a proxy on the way drops the fields Upgrade and Connection. nginx: proxy_http_version 1.1; \
                        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

/// What a client would connect to, and as whom.
pub(super) struct Target<'a> {
    pub(super) url: &'a str,
    pub(super) origin: Option<&'a str>,
    pub(super) token: Option<&'a str>,
    pub(super) timeout: Duration,
}

/// Goes the whole way, and says where it ended.
pub(super) async fn examine(target: &Target<'_>) -> Vec<Finding> {
    let url: Url = match target.url.parse() {
        Ok(url) => url,
        Err(error) => {
            let remedy = "write ws://host:port/connection/websocket, or wss://… where TLS is";
            return vec![Finding::problem(SUBJECT, &format!("{:?}: {error}", target.url), remedy)];
        }
    };
    let client = match http_client(SUBJECT, target.timeout, TlsOptions::default()) {
        Ok(client) => client,
        Err(finding) => return vec![finding],
    };
    let address = format!("{}://{}/", if url.is_secure() { "https" } else { "http" }, url.host_header());
    let stream = match client.open(&address).await {
        Ok(stream) => stream,
        Err(error) => {
            let remedy = if url.is_secure() {
                "is anything listening there, and is its certificate for this name and by an authority this machine trusts?"
            } else {
                "is the name right, is anything listening there, and does a firewall let it pass?"
            };
            return vec![Finding::problem(SUBJECT, &error.to_string(), remedy)];
        }
    };
    let mut options = ConnectOptions::new().handshake_timeout(target.timeout);
    if let Some(origin) = target.origin {
        options = options.header("Origin", origin);
    }
    match options.handshake(stream, &url).await {
        Ok(socket) => {
            let reached = Finding::ok(SUBJECT, &format!("a WebSocket opens at {}", target.url));
            vec![reached, connect(socket, target).await]
        }
        Err(error) => vec![explain(&error)],
    }
}

/// Why there is no WebSocket, and who can do something about it.
fn explain(error: &ConnectError) -> Finding {
    let remedy = match error {
        ConnectError::Handshake(HandshakeError::Status(rejected)) => return explain_status(rejected),
        ConnectError::Handshake(HandshakeError::Upgrade | HandshakeError::Connection) => STRIPPED,
        ConnectError::Handshake(HandshakeError::Version) => {
            "a proxy on the way speaks HTTP/1.0. nginx: proxy_http_version 1.1;"
        }
        ConnectError::Handshake(HandshakeError::Accept) => {
            "something on the way answers in the server's place, from a cache perhaps"
        }
        ConnectError::Handshake(_) => {
            "is it an HTTP server at all? wss:// where TLS is, ws:// where it is not"
        }
        ConnectError::TimedOut(_) => {
            "whoever listens there passes the request to nobody, or waits for TLS (wss://)"
        }
        ConnectError::Io(_) => "whoever listens there hung up: wss:// where TLS is, ws:// where it is not",
        _ => "",
    };
    Finding::problem(SUBJECT, &error.to_string(), remedy)
}

fn explain_status(rejected: &Rejected) -> Finding {
    let field = |wanted: &str| {
        let found = rejected.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.as_str())
    };
    let remedy = match rejected.status {
        200..=299 => {
            "another program answers here, or another path: clients connect to /connection/websocket"
        }
        300..=399 => &format!("redirects are not followed: connect to {}", field("location")),
        400 => "the request arrived changed: what stands between here and the server?",
        401 | 407 => "a proxy on the way wants a password",
        403 => "the server refuses this page's origin: put it in client.allowed_origins",
        404 => "the path is another (websocket.handler_prefix), or the host belongs to another server",
        405 => "it is no WebSocket endpoint: clients connect to /connection/websocket",
        421 => {
            "the server is in its development profile, which is for this machine only: give it a configuration"
        }
        426 => STRIPPED,
        429 => {
            "too many connections from this address, or too fast: client.address_connection_limit and the like"
        }
        502 | 504 => {
            "a proxy on the way does not reach the server: is it running, is the proxy's address of it right?"
        }
        503 => {
            "the server takes no more connections (client.connection_limit, memory), ends, or is not reached"
        }
        _ => "",
    };
    let server = match field("server") {
        "" => String::new(),
        name => format!(" (by {name})"),
    };
    let body = String::from_utf8_lossy(&rejected.body_start);
    // What our own server has to say is one line of text; a proxy's page is not worth showing.
    let said = if body.contains('<') { "" } else { body.lines().next().unwrap_or_default() };
    let text = format!(
        "status {}{server} instead of 101{}{said}",
        rejected.status,
        if said.is_empty() { "" } else { ": " }
    );
    Finding::problem(SUBJECT, &text, remedy)
}

/// The first command of a client.
async fn connect<S>(mut socket: WebSocket<S>, target: &Target<'_>) -> Finding
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = json!({"name": "wavecast doctor", "version": env!("CARGO_PKG_VERSION")});
    if let Some(token) = target.token {
        request["token"] = token.into();
    }
    let command = json!({"id": 1, "connect": request}).to_string();
    let talk = async {
        socket.send(command.as_str()).await.map_err(|error| error.to_string())?;
        socket.recv().await.map_err(|error| error.to_string())
    };
    let finding = match tokio::time::timeout(target.timeout, talk).await {
        Err(_) => Finding::problem(
            SUBJECT,
            "the connect command is not answered",
            "a proxy on the way holds messages back, or a hook does not answer",
        ),
        Ok(Err(error)) => Finding::problem(SUBJECT, &error, "a proxy on the way ends the connection"),
        Ok(Ok(None)) => {
            let (code, reason) = socket
                .closed()
                .map_or((CloseCode::ABNORMAL, String::new()), |closed| (closed.code, closed.reason.clone()));
            closed(code.get(), &reason, target.token.is_some())
        }
        Ok(Ok(Some(Message::Text(text)))) => answered(&text),
        Ok(Ok(Some(Message::Binary(_)))) => {
            Finding::problem(SUBJECT, "the answer to connect is not text", "another program answers here")
        }
    };
    // The server may be gone already; whatever was to be learnt is known.
    let _ = tokio::time::timeout(target.timeout, socket.close(CloseCode::NORMAL, "")).await;
    finding
}

fn answered(text: &str) -> Finding {
    let reply: Value = serde_json::from_str(text.lines().next().unwrap_or_default()).unwrap_or_default();
    if let Some(connected) = reply.get("connect") {
        let text = format!("connected as client {}", connected["client"].as_str().unwrap_or("?"));
        return Finding::ok(SUBJECT, &text);
    }
    let code = reply["error"]["code"].as_u64();
    let message = reply["error"]["message"].as_str().unwrap_or("not an answer to connect");
    let remedy = match code {
        Some(109) => "the token has expired: give another one",
        Some(100) => "the server's hook or key set does not answer; its log says more",
        Some(_) => "the server's log says why",
        None => "another program answers here",
    };
    let code = code.map_or_else(String::new, |code| format!("error {code}: "));
    Finding::problem(SUBJECT, &format!("connect is refused: {code}{message}"), remedy)
}

fn closed(code: u16, reason: &str, has_token: bool) -> Finding {
    let text = format!("the connect command is answered with close code {code} {reason}");
    match code {
        // Nobody asked for a password here: that it is asked for shows that the way is free.
        3501 if !has_token => Finding::ok(SUBJECT, &format!("{text}: the server wants a token (--token)")),
        3500 => Finding::problem(SUBJECT, &text, "wavecast token check says what is wrong with the token"),
        3001 => Finding::problem(SUBJECT, &text, "the server is ending"),
        _ => Finding::problem(SUBJECT, &text, "the server's log says why"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers a request with these bytes and hangs up; with none it stays silent.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/connection/websocket", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    async fn look(url: &str) -> Vec<Finding> {
        let timeout = Duration::from_millis(500);
        examine(&Target { url, origin: Some("https://page.test"), token: None, timeout }).await
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_named_with_its_remedy() {
        for (answer, words) in [
            ("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n", "proxy_set_header"),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "handler_prefix"),
            ("HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\norigin", "allowed_origins"),
            ("HTTP/1.1 301 Moved\r\nlocation: https://other.test/\r\n\r\n", "https://other.test/"),
            ("HTTP/1.1 502 Bad Gateway\r\nserver: nginx\r\n\r\n<html>", "does not reach"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "another program"),
            ("HTTP/1.1 421 Misdirected\r\ncontent-length: 0\r\n\r\n", "development profile"),
            ("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n", "proxy_set_header"),
            (
                "HTTP/1.0 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
                "HTTP/1.0",
            ),
            ("SSH-2.0-OpenSSH_9\r\n", "HTTP server at all"),
            ("", "passes the request to nobody"),
        ] {
            let url = server(answer).await;
            let [finding] = &look(&url).await[..] else { panic!("one finding: {answer}") };
            assert_eq!(finding.level, Level::Problem, "{finding}");
            assert!(finding.to_string().contains(words), "{answer:?}: {finding}");
        }
        let url = server("HTTP/1.1 502 Bad Gateway\r\nserver: nginx\r\n\r\n<html>").await;
        let shown = look(&url).await[0].to_string();
        assert!(shown.contains("by nginx") && !shown.contains("<html>"), "{shown}");
    }

    #[tokio::test]
    async fn where_nobody_listens_there_is_no_connection() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        for url in [format!("ws://{free}/"), format!("wss://{free}/"), "http://x/".into(), "nonsense".into()]
        {
            let findings = look(&url).await;
            assert_eq!((findings.len(), findings[0].level), (1, Level::Problem), "{url}");
        }
        let plain = server("HTTP/1.1 400 Bad Request\r\n\r\n").await.replace("ws:", "wss:");
        assert_eq!(look(&plain).await[0].level, Level::Problem, "no TLS there");
    }

    #[test]
    fn answers_to_connect() {
        for (text, level) in [
            (r#"{"id":1,"connect":{"client":"c","version":"1"}}"#, Level::Ok),
            (r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#, Level::Problem),
            ("hello", Level::Problem),
        ] {
            assert_eq!(answered(text).level, level, "{text}");
        }
        assert_eq!(closed(3501, "bad request", false).level, Level::Ok);
        assert_eq!(closed(3501, "bad request", true).level, Level::Problem);
        assert_eq!(closed(3500, "invalid token", true).level, Level::Problem);
    }
}
