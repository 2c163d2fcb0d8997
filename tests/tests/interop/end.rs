//! One end of a connection, as a test drives it.

/// What an end is told to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Say<'s> {
    Text(&'s str),
    Binary(&'s [u8]),
    /// A message of several frames; the parts of a text are text.
    Fragments(Kind, &'s [&'s [u8]]),
    Ping(&'s [u8]),
    Close(u16, &'s str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

/// What an end tells of.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Open(Opened),
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code, the reason and, where the library says it, whether this end began.
    Close(u16, String, Option<bool>),
    /// The server's answer was no upgrade.
    Refused(u16),
    Error(String),
}

/// A connection as an end sees it when it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) protocol: Option<String>,
    /// A server's: the value of `X-Who`. A client's: the value of `X-Greeting`; empty where it cannot see that.
    pub(crate) header: String,
    pub(crate) deflate: bool,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) url: String,
    pub(crate) protocols: &'static [&'static str],
    /// The value of the header `X-Who`.
    pub(crate) who: &'static str,
    pub(crate) deflate: Deflate,
}

/// Compression (RFC 7692), as the test has the toolkit want it; the others take what they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deflate {
    Off,
    /// Each message by itself.
    Fresh,
    /// Messages refer to earlier ones, both ways.
    Takeover,
}

/// What a server speaks below WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

impl Security {
    pub(crate) fn scheme(self) -> &'static str {
        if self == Self::Tls { "wss" } else { "ws" }
    }
}

impl Deflate {
    pub(crate) fn is_on(self) -> bool {
        self != Self::Off
    }
}

/// What a library lets its user do and see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub(crate) sends_fragments: bool,
    /// Whether its server sends fragments once it has heard something.
    pub(crate) answers_in_fragments: bool,
    pub(crate) sends_pings: bool,
    pub(crate) shows_pings: bool,
    pub(crate) shows_pongs: bool,
    pub(crate) sends_headers: bool,
    pub(crate) shows_headers: bool,
    /// Whether its server, and whether its client, may agree on compression.
    pub(crate) agrees_to_deflate: bool,
    pub(crate) asks_for_deflate: bool,
    /// Whether its client may end TCP before its close frame has gone out.
    pub(crate) may_lose_its_close: bool,
    /// The status that its server refuses with.
    pub(crate) refuses_with: u16,
    /// Whether its client tells that status.
    pub(crate) shows_status: bool,
}

impl Abilities {
    pub(crate) const ALL: Self = Self {
        may_lose_its_close: false,
        sends_fragments: true,
        answers_in_fragments: false,
        sends_pings: true,
        shows_pings: true,
        shows_pongs: true,
        sends_headers: true,
        shows_headers: true,
        agrees_to_deflate: true,
        asks_for_deflate: true,
        refuses_with: 403,
        shows_status: true,
    };
}

/// One end of a connection.
pub(crate) trait End {
    fn say(&mut self, say: Say<'_>);
    /// The next event; fails the test when there is none in time.
    fn hear(&mut self) -> Heard;
}

/// Somebody who can be either end.
pub(crate) trait Library {
    fn abilities(&self) -> Abilities;
    /// Where a client has others than a server.
    fn abilities_of_client(&self) -> Abilities {
        self.abilities()
    }
    /// A server that chooses the sub-protocol `chat.v2`, answers with `X-Greeting: hello <X-Who>` and refuses `/refused`:
    /// where it is (`ws://127.0.0.1:1234`), and its end of the last connection.
    fn serve(&self, deflate: Deflate) -> (String, Box<dyn End>) {
        self.serve_with(deflate, Security::Plain)
    }
    fn serve_with(&self, deflate: Deflate, security: Security) -> (String, Box<dyn End>);
    fn connect(&self, ask: &Ask) -> Box<dyn End>;
}

impl std::fmt::Debug for Heard {
    /// A message of a megabyte would hide what went wrong.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let brief = |bytes: &[u8]| {
            format!("{} bytes, {:?}", bytes.len(), String::from_utf8_lossy(&bytes[..bytes.len().min(60)]))
        };
        match self {
            Self::Open(opened) => write!(f, "{opened:?}"),
            Self::Text(text) => write!(f, "Text({})", brief(text.as_bytes())),
            Self::Binary(bytes) => write!(f, "Binary({})", brief(bytes)),
            Self::Ping(bytes) => write!(f, "Ping({})", brief(bytes)),
            Self::Pong(bytes) => write!(f, "Pong({})", brief(bytes)),
            Self::Close(code, reason, here) => write!(f, "Close({code}, {reason:?}, begun here: {here:?})"),
            Self::Refused(status) => write!(f, "Refused({status})"),
            Self::Error(error) => write!(f, "Error({error})"),
        }
    }
}
