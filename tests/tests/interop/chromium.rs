//! Chromium's WebSocket as the client: one browser for all tests, and pages that are used again.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::end::{Abilities, Ask, Deflate, End, Heard, Library, Say, Security};
use crate::libraries::node;
use crate::program::Process;

/// How a page wants its binary messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chromium {
    Blobs,
    Buffers,
}

impl Library for Chromium {
    /// A page can send no pings and no headers of its own, and sees nothing of the answer's head.
    fn abilities(&self) -> Abilities {
        Abilities {
            sends_fragments: false,
            sends_pings: false,
            shows_pings: false,
            shows_pongs: false,
            sends_headers: false,
            shows_headers: false,
            shows_status: false,
            ..Abilities::ALL
        }
    }

    fn serve_with(&self, _: Deflate, _: Security) -> (String, Box<dyn End>) {
        panic!("a browser serves nobody")
    }

    fn connect(&self, ask: &Ask) -> Box<dyn End> {
        let idle = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut process = idle.unwrap_or_else(|| Process::start(node("chromium.js").arg(browser())));
        let binary_type = if *self == Self::Blobs { "blob" } else { "arraybuffer" };
        // A page of the same server, whatever it says: a browser lets no other page connect to this machine, and only from
        // there may a connection join one of HTTP/2.
        let home = ask.url.replacen("ws", "http", 1);
        process.order(&["visit", &home, binary_type]);
        // What a page still had to say of its last connection is nobody's.
        while process.line() != "visited" {}
        process.connect(ask);
        Box::new(Page { process: Some(process) })
    }
}

/// Pages without a connection.
static FREE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

/// A page with a connection.
struct Page {
    process: Option<Process>,
}

impl Page {
    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("a page keeps its program until it is dropped")
    }
}

impl End for Page {
    fn say(&mut self, say: Say<'_>) {
        self.process().say(say);
    }

    fn hear(&mut self) -> Heard {
        self.process().hear()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !thread::panicking() {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.process.take());
        }
    }
}

/// The address of the one browser of this run. Like the pages it ends when its input does: with this process.
fn browser() -> &'static str {
    static BROWSER: OnceLock<(Mutex<Process>, String)> = OnceLock::new();
    let started = BROWSER.get_or_init(|| {
        let mut process = Process::start(&mut node("browser.js"));
        let line = process.line();
        let address =
            line.strip_prefix("browser ").unwrap_or_else(|| panic!("no browser: {line}")).to_owned();
        (Mutex::new(process), address)
    });
    &started.1
}
