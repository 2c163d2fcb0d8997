//! A library of another language as either end: a program that takes orders on its standard input and tells of events on its
//! standard output, a line each.
//!
//! | order | what it does |
//! | --- | --- |
//! | `listen deflate\|plain tcp\|tls` | a server: listens on a free loopback port |
//! | `connect URL PROTOCOLS\|- :WHO deflate\|plain` | a client: connects; sub-protocols with commas between them |
//! | `text :T`, `binary :B` | sends a message |
//! | `fragments text\|binary :PART...` | sends a message with a frame for each part |
//! | `ping :B`, `close CODE :REASON` | |
//!
//! Events: `listening PORT`, `open PROTOCOL|- :HEADER deflate|plain`, `text :T`, `binary :B`, `ping :B`, `pong :B`, `close CODE
//! :REASON [here|there]`, `refused STATUS`, `error :TEXT`. What stands behind a colon is base64, so that a word is never empty
//! and holds no space. `$INTEROP_CERTIFICATE` is a file with a certificate, to be trusted and to be shown, and its key.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificate;
use crate::end::{Abilities, Ask, Deflate, End, Heard, Kind, Library, Opened, Say, Security};

/// A machine that starts several virtual machines and browsers at once takes its time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A library behind a program: how the program is started, as a server and as a client.
pub(crate) struct Foreign {
    pub(crate) abilities: Abilities,
    pub(crate) server: fn() -> Command,
    pub(crate) client: fn() -> Command,
}

impl Library for Foreign {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn serve_with(&self, deflate: Deflate, security: Security) -> (String, Box<dyn End>) {
        let mut process = Process::start(&mut (self.server)());
        process.order(&["listen", mode(deflate), if security == Security::Tls { "tls" } else { "tcp" }]);
        let line = process.line();
        let port = line.strip_prefix("listening ").unwrap_or_else(|| panic!("no port: {line}"));
        (format!("{}://127.0.0.1:{port}", security.scheme()), Box::new(process))
    }

    fn connect(&self, ask: &Ask) -> Box<dyn End> {
        let mut process = Process::start(&mut (self.client)());
        process.connect(ask);
        Box::new(process)
    }
}

fn mode(deflate: Deflate) -> &'static str {
    if deflate.is_on() { "deflate" } else { "plain" }
}

/// A program whose lines are events; killed when dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env("INTEROP_CERTIFICATE", certificate::path())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let input = child.stdin.take().expect("stdin is piped");
        let output = child.stdout.take().expect("stdout is piped");
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.take_while(|line| send.send(line.clone()).is_ok()).for_each(drop);
        });
        Self { child, input, lines }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("the program says nothing: {e}"))
    }

    pub(crate) fn connect(&mut self, ask: &Ask) {
        let protocols = if ask.protocols.is_empty() { "-".to_owned() } else { ask.protocols.join(",") };
        self.order(&["connect", &ask.url, &protocols, &word(ask.who.as_bytes()), mode(ask.deflate)]);
    }

    pub(crate) fn order(&mut self, words: &[&str]) {
        let line = words.join(" ") + "\n";
        self.input.write_all(line.as_bytes()).expect("the program takes orders");
    }
}

impl End for Process {
    fn say(&mut self, say: Say<'_>) {
        match say {
            Say::Text(text) => self.order(&["text", &word(text.as_bytes())]),
            Say::Binary(bytes) => self.order(&["binary", &word(bytes)]),
            Say::Fragments(kind, parts) => {
                let kind = if kind == Kind::Text { "text" } else { "binary" };
                let parts: Vec<String> = parts.iter().map(|part| word(part)).collect();
                self.order(&["fragments", kind, &parts.join(" ")]);
            }
            Say::Ping(payload) => self.order(&["ping", &word(payload)]),
            Say::Close(code, reason) => self.order(&["close", &code.to_string(), &word(reason.as_bytes())]),
        }
    }

    fn hear(&mut self) -> Heard {
        let line = self.line();
        let words: Vec<&str> = line.split(' ').collect();
        let payload = |at: usize| payload(words[at]);
        let text = |at: usize| String::from_utf8(payload(at)).expect("text is UTF-8");
        match words[0] {
            "open" => Heard::Open(Opened {
                protocol: (words[1] != "-").then(|| words[1].to_owned()),
                header: text(2),
                deflate: words[3] == "deflate",
            }),
            "text" => Heard::Text(text(1)),
            "binary" => Heard::Binary(payload(1)),
            "ping" => Heard::Ping(payload(1)),
            "pong" => Heard::Pong(payload(1)),
            "close" => {
                let code = words[1].parse().expect("a close code");
                Heard::Close(code, text(2), words.get(3).map(|who| *who == "here"))
            }
            "refused" => Heard::Refused(words[1].parse().expect("a status")),
            "error" => Heard::Error(text(1)),
            _ => panic!("what is {line:?}?"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn word(payload: &[u8]) -> String {
    format!(":{}", STANDARD.encode(payload))
}

fn payload(word: &str) -> Vec<u8> {
    let encoded = word.strip_prefix(':').unwrap_or_else(|| panic!("no payload: {word}"));
    STANDARD.decode(encoded).expect("a payload is base64")
}
