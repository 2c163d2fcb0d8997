//! The libraries, and each of them with the toolkit: their client and our server, our client and their server.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chromium::Chromium;
use crate::conversation;
use crate::end::{Abilities, Deflate, Library};
use crate::ours::Ours;
use crate::program::Foreign;
use crate::rust_library::Tungstenite;

/// `org.java-websocket:Java-WebSocket`.
pub(crate) const JAVA_WEBSOCKET: Foreign = Foreign {
    // It answers 404 to whoever it refuses, whatever the program wants to say.
    // Version 1.6.0 stops reading when it closes, and then its writing thread, whatever that still has to write.
    abilities: Abilities { refuses_with: 404, may_lose_its_close: true, ..Abilities::ALL },
    server: || java("interop.ServerEnd"),
    client: || java("interop.ClientEnd"),
};

/// npm `ws`.
pub(crate) const WS: Foreign =
    Foreign { abilities: Abilities::ALL, server: || node("ws.js"), client: || node("ws.js") };

/// PyPI `websockets`: answers pings and says nothing of them.
pub(crate) const WEBSOCKETS: Foreign =
    Foreign { abilities: Abilities { shows_pings: false, ..Abilities::ALL }, server: python, client: python };

pub(crate) fn java(class: &str) -> Command {
    let mut command = Command::new("java");
    // Small and soon there: it lives for a second.
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp"]);
    command.arg(given("INTEROP_JAVA")).arg(class);
    command
}

pub(crate) fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(tests("node/interop").join(script));
    command
}

fn python() -> Command {
    let mut command = Command::new(given("INTEROP_PYTHON"));
    command.arg(tests("python/interop/peer.py")).env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn tests(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// What `cargo xtask test` has found or installed.
pub(crate) fn given(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("${name} is not set: run `cargo xtask test --only interop`"))
}

/// One direction of a pair, a test for each thing to get right.
macro_rules! direction {
    ($name:ident, $client:expr, $server:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn messages() {
                conversation::messages(&$client, &$server, Deflate::Off);
            }

            #[test]
            fn large_messages() {
                conversation::large_messages(&$client, &$server, Deflate::Off);
            }

            #[test]
            fn bursts() {
                conversation::bursts(&$client, &$server, Deflate::Off);
            }

            #[test]
            fn fragments() {
                conversation::fragments(&$client, &$server, Deflate::Off);
            }

            #[test]
            fn pings() {
                conversation::pings(&$client, &$server);
            }

            #[test]
            fn closing_by_the_client() {
                conversation::closing_by_the_client(&$client, &$server);
            }

            #[test]
            fn closing_by_the_server() {
                conversation::closing_by_the_server(&$client, &$server);
            }

            #[test]
            fn handshakes() {
                conversation::handshakes(&$client, &$server);
            }

            #[test]
            fn refusals() {
                conversation::refusals(&$client, &$server);
            }

            #[test]
            fn all_of_it_compressed() {
                if !($client.abilities_of_client().asks_for_deflate && $server.abilities().agrees_to_deflate)
                {
                    return;
                }
                for deflate in [Deflate::Fresh, Deflate::Takeover] {
                    conversation::messages(&$client, &$server, deflate);
                    conversation::large_messages(&$client, &$server, deflate);
                    conversation::bursts(&$client, &$server, deflate);
                    conversation::fragments(&$client, &$server, deflate);
                }
            }
        }
    };
}

direction!(java_websocket_to_ours, JAVA_WEBSOCKET, Ours);
direction!(ours_to_java_websocket, Ours, JAVA_WEBSOCKET);
direction!(ws_to_ours, WS, Ours);
direction!(ours_to_ws, Ours, WS);
direction!(websockets_to_ours, WEBSOCKETS, Ours);
direction!(ours_to_websockets, Ours, WEBSOCKETS);
direction!(tungstenite_to_ours, Tungstenite, Ours);
direction!(ours_to_tungstenite, Ours, Tungstenite);
direction!(chromium_to_ours, Chromium::Blobs, Ours);

mod chromium_with_buffers_to_ours {
    use super::*;

    #[test]
    fn messages() {
        conversation::messages(&Chromium::Buffers, &Ours, Deflate::Off);
    }

    #[test]
    fn large_messages() {
        conversation::large_messages(&Chromium::Buffers, &Ours, Deflate::Off);
    }
}
