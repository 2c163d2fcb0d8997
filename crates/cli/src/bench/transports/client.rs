//! One client: a connection, what it asks for, and what it has heard.
//!
//! Bytes are counted where they go through the socket, so that heads, frames, chunks and pings are all in the figures. What
//! comes in is kept until it is whole, in memory of the load and not of the server.

use std::io::{self, ErrorKind, Read};

use memchr::{memchr, memmem};
use mio::net::TcpStream;
use wavecast_websocket::frame::{self, Opcode, Reserved};

use super::super::conversation::{self, MASKING_KEY, Said, Script};
use super::super::dial;
use super::super::scan;
use super::super::stamp::{self, MARKER};
use super::super::transport::{ClientsPlan, Transport};
use super::super::unsent;
use super::super::upgrade::Upgrade;
use super::answer::{self, Body, Head};
use super::count::Count;
use super::words::Words;

/// A longer frame or line is no publication of this benchmark.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A client and how far it has come.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    stage: Stage,
    unsent: Vec<u8>,
    /// What has come and is not whole yet.
    raw: Vec<u8>,
    /// The beginning of a line of a stream, without the chunks around it.
    line: Vec<u8>,
    /// The newest publication that it has.
    last: u32,
    /// WebSocket: replies that are still to come.
    answers_missing: u32,
    /// Polls: where to go on, and the answer that is known already.
    next: String,
    tag: Option<String>,
    is_listening: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    /// The answer's head is to come.
    Asked,
    Answering(Head),
    /// WebSocket: frames.
    Open,
    /// A poll has been answered, and the next one is not due.
    Idle,
    /// The server has ended the connection meanwhile.
    Ended,
}

impl Client {
    /// Begins to connect.
    pub(super) fn open(plan: &ClientsPlan) -> io::Result<Self> {
        Ok(Self {
            stream: dial::begin(plan.address, None)?,
            stage: Stage::Connecting,
            unsent: Vec::new(),
            raw: Vec::new(),
            line: Vec::new(),
            last: 0,
            answers_missing: 0,
            next: String::new(),
            tag: None,
            is_listening: false,
        })
    }

    /// Whether whatever is published from now on comes to it.
    pub(super) fn is_listening(&self) -> bool {
        self.is_listening
    }

    /// The newest publication that it has; 0 for none.
    pub(super) fn last(&self) -> u32 {
        self.last
    }

    /// A poll can be asked now.
    pub(super) fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// The server has ended the connection between two polls.
    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Begins to connect again, and asks as soon as it can.
    pub(super) fn reopen(&mut self, plan: &ClientsPlan) -> io::Result<()> {
        (self.stream, self.stage) = (dial::begin(plan.address, None)?, Stage::Connecting);
        self.raw.clear();
        Ok(())
    }

    /// The socket has become writable: it is connected, or takes what is unsent.
    pub(super) fn writable(&mut self, words: &Words, count: &mut Count) -> Result<(), String> {
        if self.stage == Stage::Connecting {
            dial::check(&self.stream)?;
            self.ask(words, count)?;
        }
        self.flush()
    }

    /// Sends what this transport begins with, or the next poll.
    pub(super) fn ask(&mut self, words: &Words, count: &mut Count) -> Result<(), String> {
        let mut request = Vec::new();
        match &words.script {
            Some((upgrade, script)) => {
                self.answers_missing = script.answers;
                request.extend_from_slice(upgrade.request());
            }
            None => words.write_request(&self.next, self.tag.as_deref(), &mut request),
        }
        count.request();
        self.stage = Stage::Asked;
        self.send(&request, count)
    }

    /// Reads whatever is there.
    pub(super) fn readable(
        &mut self,
        words: &Words,
        count: &mut Count,
        buffer: &mut [u8],
    ) -> Result<(), String> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) if matches!(self.stage, Stage::Idle | Stage::Ended) => {
                    self.stage = Stage::Ended;
                    return Ok(());
                }
                Ok(0) => return Err("the server ended the connection".into()),
                Ok(read) => {
                    count.received(read);
                    self.raw.extend_from_slice(&buffer[..read]);
                    self.take(words, count)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Takes whatever is whole.
    fn take(&mut self, words: &Words, count: &mut Count) -> Result<(), String> {
        let raw = std::mem::take(&mut self.raw);
        let (mut at, now_ns) = (0, stamp::now_ns());
        while let Some(taken) = self.take_one(words, count, &raw[at..], now_ns)? {
            at += taken;
        }
        self.raw = raw;
        self.raw.drain(..at);
        Ok(())
    }

    /// Takes one thing that is whole, and says how long it was.
    fn take_one(
        &mut self,
        words: &Words,
        count: &mut Count,
        bytes: &[u8],
        now_ns: u64,
    ) -> Result<Option<usize>, String> {
        match (&self.stage, &words.script) {
            (Stage::Asked, Some((upgrade, script))) => self.take_upgrade(upgrade, script, count, bytes),
            (Stage::Asked, None) => {
                let Some((head, head_bytes)) = answer::head(bytes)? else { return Ok(None) };
                if !matches!(head.status, 200 | 304) {
                    let body =
                        String::from_utf8_lossy(&bytes[head_bytes..]).chars().take(200).collect::<String>();
                    return Err(format!("the server answered with {}: {body}", head.status));
                }
                self.stage = Stage::Answering(head);
                Ok(Some(head_bytes))
            }
            (Stage::Answering(head), _) => match (words.transport.is_stream(), head.body) {
                (true, Body::Chunks) => self.take_chunk(count, bytes, now_ns),
                (true, Body::Rest) if bytes.is_empty() => Ok(None),
                (true, Body::Rest) => self.take_text(bytes, count, now_ns).map(|()| Some(bytes.len())),
                (true, Body::Length(_)) => Err("the server's stream has a length".into()),
                (false, Body::Chunks | Body::Rest) => Err("the server's answer has no length".into()),
                (false, Body::Length(length)) => {
                    let Some(body) = bytes.get(..length) else { return Ok(None) };
                    let head = head.clone();
                    self.answered(&head, body, count, now_ns)?;
                    if words.transport == Transport::LongPoll {
                        self.ask(words, count)?;
                    }
                    Ok(Some(length))
                }
            },
            (Stage::Open, Some((_, script))) => self.take_frame(script, count, bytes, now_ns),
            _ if bytes.is_empty() => Ok(None),
            _ => Err("the server says something that nobody has asked for".into()),
        }
    }

    fn take_upgrade(
        &mut self,
        upgrade: &Upgrade,
        script: &Script,
        count: &mut Count,
        bytes: &[u8],
    ) -> Result<Option<usize>, String> {
        let Some(head_bytes) = upgrade.check(bytes)? else { return Ok(None) };
        self.stage = Stage::Open;
        self.send(&script.join, count)?;
        Ok(Some(head_bytes))
    }

    fn take_frame(
        &mut self,
        script: &Script,
        count: &mut Count,
        bytes: &[u8],
        now_ns: u64,
    ) -> Result<Option<usize>, String> {
        let frame =
            scan::frame(bytes, 0, FRAME_BYTES_MAX, Reserved::NONE).map_err(|error| error.to_string())?;
        let Some(frame) = frame else { return Ok(None) };
        let (end, payload) = (frame.payload.end, &bytes[frame.payload]);
        match frame.opcode {
            Opcode::Text => {
                for line in payload.split(|&byte| byte == b'\n') {
                    if self.publications(line, count, now_ns) > 0 {
                        continue;
                    }
                    match conversation::understand(line) {
                        Said::Ping => self.send(&script.pong, count)?,
                        Said::Answer => self.answers_missing = self.answers_missing.saturating_sub(1),
                        Said::Refusal(reason) => return Err(reason),
                        Said::Aside => {}
                    }
                }
                self.is_listening |= self.answers_missing == 0;
            }
            Opcode::Close => return Err(conversation::describe_close(payload)),
            Opcode::Ping => {
                let mut pong = Vec::new();
                frame::encode(Opcode::Pong, payload, Some(MASKING_KEY), &mut pong);
                self.send(&pong, count)?;
            }
            _ => {}
        }
        Ok(Some(end))
    }

    fn take_chunk(&mut self, count: &mut Count, bytes: &[u8], now_ns: u64) -> Result<Option<usize>, String> {
        let Some((content, next)) = answer::chunk(bytes)? else { return Ok(None) };
        if content.is_empty() {
            return Err("the server ended the stream".into());
        }
        self.take_text(&bytes[content], count, now_ns)?;
        Ok(Some(next))
    }

    /// A piece of a stream, as it happens to be cut.
    fn take_text(&mut self, text: &[u8], count: &mut Count, now_ns: u64) -> Result<(), String> {
        self.line.extend_from_slice(text);
        let lines = std::mem::take(&mut self.line);
        let mut rest = &lines[..];
        while let Some(end) = memchr(b'\n', rest) {
            self.hear_line(&rest[..end], count, now_ns)?;
            rest = &rest[end + 1..];
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// A line of an event stream, or of JSON.
    fn hear_line(&mut self, line: &[u8], count: &mut Count, now_ns: u64) -> Result<(), String> {
        if self.publications(line, count, now_ns) > 0 {
            return Ok(());
        }
        let has = |what: &[u8]| memmem::find(line, what).is_some();
        if has(b"\"disconnect\":") || has(b"\"unsubscribe\":") {
            return Err(format!("the server ended it: {}", String::from_utf8_lossy(line)));
        }
        self.is_listening |= has(b"\"subscribe\":") || has(b"\"subs\":");
        Ok(())
    }

    /// A poll's answer is whole.
    fn answered(&mut self, head: &Head, body: &[u8], count: &mut Count, now_ns: u64) -> Result<(), String> {
        self.stage = Stage::Idle;
        if head.status == 304 {
            return Ok(());
        }
        let unpacked = if head.is_gzip { Some(answer::unpacked(body)?) } else { None };
        let body = unpacked.as_deref().unwrap_or(body);
        let page: serde_json::Value = serde_json::from_slice(body)
            .map_err(|error| format!("a poll was answered with no JSON: {error}"))?;
        if page["gap"] == true {
            count.gap();
        }
        let next = page["next"].as_str().ok_or("a poll's answer does not say where to go on")?;
        self.publications(body, count, now_ns);
        // A browser keeps the answer to an address, and asks for that one whether it is still the same.
        self.tag = head.tag.clone().filter(|_| next == self.next);
        next.clone_into(&mut self.next);
        self.is_listening = true;
        Ok(())
    }

    /// Counts the publications in a text.
    fn publications(&mut self, text: &[u8], count: &mut Count, now_ns: u64) -> u32 {
        let mut found = 0;
        for stamp in memmem::find_iter(text, &MARKER).filter_map(|at| stamp::read(text, at)) {
            count.arrived(stamp, &mut self.last, now_ns);
            found += 1;
        }
        found
    }

    fn send(&mut self, bytes: &[u8], count: &mut Count) -> Result<(), String> {
        count.sent(bytes.len());
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    /// What may wait is bounded by what a client has to say: one request, or one pong.
    fn flush(&mut self) -> Result<(), String> {
        unsent::flush(&mut self.unsent, &mut self.stream)
    }
}
