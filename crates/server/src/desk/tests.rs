//! The desk over real sockets on loopback, spoken to in raw bytes, with a backend that keeps lists.

mod bad_calls;
mod batch;
mod calls;
mod connections;
mod description;
mod lists;
mod routes;
mod served;
mod way_back;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use self::lists::Lists;
use self::served::{Client, HANDSHAKE, KEY, Served, call, call_raw, configured, post, serve, serve_as};
use super::*;
