//! An echo server on fastwebsockets, on one thread: for `wavecast bench echo --beside`.
//!
//! It reads and writes as that library's own example does. Only the handshake is answered here: with hyper in between, each
//! read and write would take a step more.

use std::io;

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wavecast_websocket::{Limits, handshake};

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on ws://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // Its own example does without tokio's budget too.
            tokio::spawn(tokio::task::unconstrained(serve(stream)));
        }
    })
}

/// Ends when the peer does, however that is.
async fn serve(mut stream: TcpStream) {
    if open(&mut stream).await.is_none() {
        return;
    }
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    while let Ok(frame) = socket.read_frame().await {
        let is_message = matches!(frame.opcode, OpCode::Text | OpCode::Binary);
        if frame.opcode == OpCode::Close || (is_message && socket.write_frame(frame).await.is_err()) {
            return;
        }
    }
}

async fn open(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    loop {
        stream.read_buf(&mut head).await.ok().filter(|read| *read > 0)?;
        let Some((request, _)) = handshake::parse_request(&head, &Limits::DEFAULT).ok()? else { continue };
        let mut answer = Vec::new();
        handshake::accept(&request, &[]).ok()?.write(&[], &mut answer).ok()?;
        return stream.write_all(&answer).await.ok();
    }
}
