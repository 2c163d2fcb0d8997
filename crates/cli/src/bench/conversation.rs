//! What is said on one connection of the load, from the first byte until it counts: handshake, connect, subscribe.

use wavecast_websocket::frame::{self, Opcode};

use super::control::{Missed, Speech};
use super::upgrade::Upgrade;

/// RFC 6455 §5.3 wants a fresh key for each frame against proxies that take frames for requests; here every server is
/// on purpose, so one key serves all and costs no randomness.
pub(super) const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The bytes that every connection of a load sends to begin with, made once.
#[derive(Debug)]
pub(super) struct Script {
    /// `None`: the server is a raw sender.
    pub(super) upgrade: Option<Upgrade>,
    /// Connect and all subscriptions in one frame; empty for an echo.
    pub(super) join: Vec<u8>,
    /// Replies that `join` has.
    pub(super) answers: u32,
    /// The answer to the server's `{}`; empty where no such ping exists.
    pub(super) pong: Vec<u8>,
    /// Publications that the reply to a subscription has to bring; 0: it asks for none.
    pub(super) missed: u32,
    /// Every message is one that was sent here.
    pub(super) echoes: bool,
    /// Messages may come compressed, each by itself.
    pub(super) compressed: bool,
}

impl Script {
    pub(super) fn new(speech: &Speech) -> Result<Self, String> {
        let silent = Self {
            upgrade: None,
            join: Vec::new(),
            answers: 0,
            pong: Vec::new(),
            missed: 0,
            echoes: false,
            compressed: false,
        };
        Ok(match speech {
            Speech::Raw => silent,
            Speech::Compressed(speech) => {
                let script = Self::new(speech)?;
                let upgrade = script.upgrade.map(Upgrade::compressed).transpose()?;
                Self { upgrade, compressed: true, ..script }
            }
            Speech::Echo { host, path } => {
                Self { upgrade: Some(Upgrade::new(host, path)?), echoes: true, ..silent }
            }
            Speech::Centrifuge { host, path, channels, missed } => {
                let mut commands = vec![r#"{"id":1,"connect":{}}"#.to_owned()];
                for (channel, id) in channels.iter().zip(2..) {
                    let mut subscribe = serde_json::json!({"channel": channel});
                    if let Some(Missed { epoch, offset, .. }) = missed {
                        subscribe = serde_json::json!({
                            "channel": channel, "recoverable": true, "recover": true, "epoch": epoch, "offset": offset
                        });
                    }
                    commands.push(serde_json::json!({"id": id, "subscribe": subscribe}).to_string());
                }
                Self {
                    upgrade: Some(Upgrade::new(host, path)?),
                    answers: commands.len() as u32,
                    join: text_frame(commands.join("\n").as_bytes()),
                    pong: text_frame(b"{}"),
                    missed: missed.as_ref().map_or(0, |missed| missed.publications),
                    ..silent
                }
            }
        })
    }
}

/// A masked text frame.
pub(super) fn text_frame(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(Opcode::Text, payload, Some(MASKING_KEY), &mut out);
    out
}

/// What a line that is no delivery means to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// `{}`: wants the pong.
    Ping,
    /// A command was carried out.
    Answer,
    /// A command was refused, or the server said goodbye.
    Refusal(String),
    /// Of no interest: a push of another kind.
    Aside,
}

/// Reads a line of the Centrifuge JSON protocol. Only few lines of a run come here, so this may parse.
pub(super) fn understand(line: &[u8]) -> Said {
    if line == b"{}" {
        return Said::Ping;
    }
    let shown = || String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    let Ok(message) = serde_json::from_slice::<serde_json::Value>(line) else {
        return Said::Refusal(format!("the server sent what is no JSON: {}", shown()));
    };
    if let Some(error) = message.get("error") {
        return Said::Refusal(format!("the server refused a command: {error}"));
    }
    if message.pointer("/push/disconnect").is_some() || message.pointer("/push/unsubscribe").is_some() {
        return Said::Refusal(format!("the server ended it: {}", shown()));
    }
    if message.get("id").is_some() { Said::Answer } else { Said::Aside }
}

/// Code and reason of a close frame, for a message to a person.
pub(super) fn describe_close(payload: &[u8]) -> String {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => {
            format!(
                "the server closed with {} {}",
                u16::from_be_bytes(*code),
                String::from_utf8_lossy(reason)
            )
        }
        None => "the server closed without a code".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(understand(b"{}"), Said::Ping);
        assert_eq!(understand(br#"{"id":1,"connect":{"client":"c","ping":25,"pong":true}}"#), Said::Answer);
        assert_eq!(understand(br#"{"id":2,"subscribe":{}}"#), Said::Answer);
        assert_eq!(understand(br#"{"push":{"channel":"c","join":{"info":{}}}}"#), Said::Aside);
        assert!(matches!(understand(br#"{"id":2,"error":{"code":103}}"#), Said::Refusal(_)));
        assert!(matches!(understand(br#"{"push":{"disconnect":{"code":3000}}}"#), Said::Refusal(_)));
        assert!(matches!(understand(b"hello"), Said::Refusal(_)));
    }

    #[test]
    fn channel_names_cannot_break_out_of_the_script() {
        let channels = vec!["a\"b".to_owned(), "c\nd".to_owned()];
        let speech = Speech::Centrifuge { host: "h".into(), path: "/".into(), channels, missed: None };
        let script = Script::new(&speech).unwrap();
        assert_eq!(script.answers, 3);
        let (_, header_bytes) = frame::Header::decode(&script.join).unwrap().unwrap();
        let mut text = script.join[header_bytes..].to_vec();
        text.iter_mut().zip(MASKING_KEY.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        let lines: Vec<serde_json::Value> =
            text.split(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect();
        assert_eq!(lines[1]["subscribe"]["channel"], "a\"b");
        assert_eq!(lines[2]["subscribe"]["channel"], "c\nd");
    }

    #[test]
    fn close_is_described_by_code_and_reason() {
        assert_eq!(describe_close(b"\x0b\xb8gone"), "the server closed with 3000 gone");
        assert_eq!(describe_close(b""), "the server closed without a code");
    }
}
