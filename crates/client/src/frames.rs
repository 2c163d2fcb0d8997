//! Commands on their way to the socket, several to a frame.

use std::collections::VecDeque;

use wavecast_net::client::MessageRef;
use wavecast_protocol::centrifuge::{Command, Encoding, Request};

use crate::request::Place;

/// Commands are put together in one frame up to here; servers limit a message to 64 KiB by default.
const FRAME_BYTES_MAX: usize = 16 * 1_024;

#[derive(Debug)]
pub(crate) struct Frames {
    encoding: Encoding,
    waiting: VecDeque<Frame>,
}

#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// The requests in it, by id; they keep their places until they are sent.
    requests: Vec<(u32, Place)>,
    has_pong: bool,
}

impl Frames {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, waiting: VecDeque::new() }
    }

    /// The next message to be sent.
    pub(crate) fn front(&self) -> Option<MessageRef<'_>> {
        let frame = self.waiting.front()?;
        Some(match self.encoding {
            // Commands are encoded from strings and checked JSON.
            Encoding::Json => MessageRef::Text(std::str::from_utf8(&frame.bytes).unwrap_or_default()),
            Encoding::Protobuf => MessageRef::Binary(&frame.bytes),
        })
    }

    /// The next message has been sent; returns the ids of the requests in it.
    pub(crate) fn sent(&mut self) -> impl Iterator<Item = u32> + use<> {
        let frame = self.waiting.pop_front();
        frame.into_iter().flat_map(|frame| frame.requests).map(|(id, _)| id)
    }

    /// Nothing more can be sent.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Adds a command to the last frame, or to a new one where that is full.
    pub(crate) fn push(&mut self, command: &Command<'_>, request: Option<(u32, Place)>) {
        let mut bytes = Vec::new();
        self.encoding.encode_command(command, &mut bytes);
        match self.waiting.back_mut() {
            Some(frame) if frame.bytes.len() + bytes.len() < FRAME_BYTES_MAX => {
                self.encoding.separate(&mut frame.bytes);
                frame.bytes.extend_from_slice(&bytes);
                frame.requests.extend(request);
            }
            _ => {
                let requests = request.into_iter().collect();
                self.waiting.push_back(Frame { bytes, requests, has_pong: false });
            }
        }
    }

    /// Answers a ping. One answer does for all pings that came before it could be sent: who pings
    /// without reading costs no more than who reads.
    pub(crate) fn push_pong(&mut self) {
        if self.waiting.iter().any(|frame| frame.has_pong) {
            return;
        }
        self.push(&Command { id: 0, request: Request::Pong }, None);
        if let Some(frame) = self.waiting.back_mut() {
            frame.has_pong = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;
    use wavecast_protocol::centrifuge::SendRequest;

    use super::*;

    fn text(frames: &Frames) -> Option<&str> {
        frames.front().map(|message| match message {
            MessageRef::Text(text) => text,
            MessageRef::Binary(_) => panic!("JSON goes out as text"),
        })
    }

    #[test]
    fn commands_share_a_frame_until_it_is_full() {
        let places = Arc::new(Semaphore::new(10));
        let sending = |id| {
            let place = places.clone().try_acquire_owned().expect("a place");
            Some((id, Arc::new(place)))
        };
        let mut frames = Frames::new(Encoding::Json);
        let pong = Command { id: 0, request: Request::Pong };
        frames.push(&pong, sending(1));
        frames.push(&pong, None);
        frames.push(&pong, sending(3));
        assert_eq!((text(&frames), places.available_permits()), (Some("{}\n{}\n{}"), 8));
        assert!(frames.sent().eq([1, 3]));
        assert_eq!((text(&frames), places.available_permits()), (None, 10));

        let data = format!("\"{}\"", "x".repeat(FRAME_BYTES_MAX / 2));
        let send = Command { id: 0, request: Request::Send(SendRequest { data: data.as_bytes() }) };
        for id in 1..=3 {
            frames.push(&send, sending(id));
        }
        assert!(frames.sent().eq([1]));
        assert_eq!(places.available_permits(), 8);
        frames.clear();
        assert_eq!((text(&frames), places.available_permits()), (None, 10));
    }

    #[test]
    fn pings_that_cannot_be_answered_yet_cost_one_answer() {
        let mut frames = Frames::new(Encoding::Json);
        for _ in 0..1_000 {
            frames.push_pong();
        }
        assert_eq!(text(&frames), Some("{}"));
        assert_eq!(frames.sent().count(), 0);
        assert_eq!(text(&frames), None);
        frames.push_pong();
        assert_eq!(text(&frames), Some("{}"));
    }
}
