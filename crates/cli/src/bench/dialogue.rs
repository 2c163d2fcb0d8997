//! A single client connection with blocking writes: for publishing, and for the quiet subscriber.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use serde_json::Value;
use wavecast_websocket::frame::{self, Opcode, Reserved};

use super::control::Speech;
use super::conversation::{self, MASKING_KEY, Said, Script, text_frame};
use super::endpoint::Endpoint;
use super::scan;

/// A server that does not take or answer a few bytes in this time is not measured any further.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// More than the longest payload in its envelope.
const BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// A joined connection.
#[derive(Debug)]
pub(super) struct Dialogue {
    stream: TcpStream,
    pong: Vec<u8>,
    buffer: Vec<u8>,
    filled: usize,
}

impl Dialogue {
    /// Connects, and subscribes to `channels`; returns when the server has answered everything.
    pub(super) fn open(endpoint: &Endpoint, channels: &[String]) -> Result<Self, String> {
        let stream =
            TcpStream::connect_timeout(&endpoint.address, ANSWER_WAIT).map_err(|error| error.to_string())?;
        Self::over(stream, endpoint, channels)
    }

    /// The same over a connection that is there.
    pub(super) fn over(stream: TcpStream, endpoint: &Endpoint, channels: &[String]) -> Result<Self, String> {
        let speech = Speech::Centrifuge {
            host: endpoint.host.clone(),
            path: endpoint.path.clone(),
            channels: channels.to_vec(),
            missed: None,
        };
        let script = Script::new(&speech)?;
        let prepared = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(ANSWER_WAIT)));
        prepared
            .and_then(|()| stream.set_read_timeout(Some(ANSWER_WAIT)))
            .map_err(|error| error.to_string())?;
        let mut dialogue =
            Self { stream, pong: script.pong.clone(), buffer: vec![0; BUFFER_BYTES], filled: 0 };
        dialogue.join(&script)?;
        Ok(dialogue)
    }

    /// The socket alone. What has been read beyond the answers is gone.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn join(&mut self, script: &Script) -> Result<(), String> {
        if let Some(upgrade) = &script.upgrade {
            self.write(upgrade.request())?;
            let head_bytes = loop {
                if let Some(head_bytes) = upgrade.check(&self.buffer[..self.filled])? {
                    break head_bytes;
                }
                self.read_more()?;
            };
            self.consume(head_bytes);
        }
        self.write(&script.join)?;
        let mut answers = 0;
        while answers < script.answers {
            self.read_more()?;
            self.take_lines(|line| answers += u32::from(conversation::understand(line) == Said::Answer))?;
        }
        Ok(())
    }

    /// Sends one command as a text frame.
    pub(super) fn send(&mut self, command: &[u8]) -> Result<(), String> {
        self.write(&text_frame(command))
    }

    /// Sends a command with this id and waits for its reply. What comes in between is of no interest.
    pub(super) fn ask(&mut self, id: u32, mut command: Value) -> Result<Value, String> {
        command["id"] = id.into();
        self.send(command.to_string().as_bytes())?;
        let mut reply = None;
        while reply.is_none() {
            self.wait(|line| {
                let line = serde_json::from_slice::<Value>(line).ok();
                reply = reply.take().or(line.filter(|line| line["id"] == id));
            })?;
        }
        Ok(reply.unwrap_or_default())
    }

    /// Waits for more lines and hands them out; pings are answered and refusals are errors already.
    pub(super) fn wait(&mut self, take: impl FnMut(&[u8])) -> Result<(), String> {
        self.read_more()?;
        self.take_lines(take)
    }

    /// Takes what has come in without waiting for more.
    pub(super) fn drain(&mut self) -> Result<(), String> {
        loop {
            match recv(&self.stream, &mut self.buffer[self.filled..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err("the server ended the publisher's connection".into()),
                Ok((read, _)) => self.filled += read,
                Err(error) if error == rustix::io::Errno::AGAIN => return Ok(()),
                Err(error) if error == rustix::io::Errno::INTR => continue,
                Err(error) => return Err(error.to_string()),
            }
            self.take_lines(|_| ())?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        (&self.stream).write_all(bytes).map_err(|error| format!("writing to the server: {}", explain(&error)))
    }

    fn read_more(&mut self) -> Result<(), String> {
        loop {
            match (&self.stream).read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(read) => {
                    self.filled += read;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("reading from the server: {}", explain(&error))),
            }
        }
    }

    /// Hands out each line of the messages that are whole.
    fn take_lines(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), String> {
        let (mut at, mut replies) = (0, Vec::new());
        let received = &self.buffer[..self.filled];
        while let Some(frame) =
            scan::frame(received, at, BUFFER_BYTES, Reserved::NONE).map_err(|error| error.to_string())?
        {
            at = frame.payload.end;
            let payload = &received[frame.payload];
            match frame.opcode {
                Opcode::Close => return Err(conversation::describe_close(payload)),
                Opcode::Ping => frame::encode(Opcode::Pong, payload, Some(MASKING_KEY), &mut replies),
                Opcode::Text => {
                    for line in payload.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                        match conversation::understand(line) {
                            Said::Ping => replies.extend_from_slice(&self.pong),
                            Said::Refusal(reason) => return Err(reason),
                            Said::Answer | Said::Aside => take(line),
                        }
                    }
                }
                Opcode::Binary | Opcode::Pong | Opcode::Continuation => {}
            }
        }
        self.consume(at);
        if replies.is_empty() { Ok(()) } else { self.write(&replies) }
    }

    fn consume(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("nothing moved for {} s", ANSWER_WAIT.as_secs())
        }
        _ => error.to_string(),
    }
}
