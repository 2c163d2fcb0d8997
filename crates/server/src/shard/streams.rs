//! Sessions whose connection is the body of an HTTP response. Their commands come with the request that opened it, and by
//! requests of their own.

use std::sync::Arc;

use wavecast_net::Frame;
use wavecast_net::shard::{Close, ConnectionId, Connections};
use wavecast_protocol::centrifuge::Push;

use super::PushShard;
use super::unanswered::Unanswered;
use crate::session::Handshake;
use crate::streams::{AnswerBy, Heard, Said, StreamOpening, head_without_length};
use crate::wire;
use crate::wire_form::WireForm;

/// What goes before the first event: EventSource passes it over, and who waits for a first byte has it.
const EVENTS_BEGIN: &[u8] = b"\r\n";

impl PushShard {
    /// A session comes in, with its first commands.
    pub(super) fn enter(&mut self, connections: &mut Connections, id: ConnectionId, opening: StreamOpening) {
        let StreamOpening { form, request, peer, commands, answers, places, answer } = opening;
        let node = Arc::clone(&self.node);
        let first = if matches!(form, WireForm::Sse | WireForm::UniSse) { EVENTS_BEGIN } else { b"" };
        if answers > 0 {
            let until_ms = self.moment(connections).deadline(node.rules().stale_close_delay);
            let first = [first, &self.come_back_after(connections, form)].concat();
            self.unanswered.insert(id, Unanswered::new(answers, answer, first, places.clone(), until_ms));
            connections.hold_place(id);
        } else {
            let mut head = match answer {
                AnswerBy::Shard(fields) => head_without_length(&fields),
                AnswerBy::Desk(_) => Vec::new(),
            };
            head.extend_from_slice(first);
            connections.send_frame(id, &Frame::from(head.into_boxed_slice())).ok();
        }
        let fields = request.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let rules = node.rules();
        let handshake = Handshake::of(fields, &rules.hooks().headers, &[], rules.user_id_header.as_deref());
        let handshake = Handshake::left_off(handshake, places.clone());
        drop(request);
        if self.begin(connections, id, form, handshake, peer.ip()) && !commands.is_empty() {
            self.message_of(connections, id, &commands);
        }
    }

    /// The client of a session says something.
    pub(super) fn said(&mut self, connections: &mut Connections, said: Said) {
        let Said { connection, commands, heard } = said;
        let session = self.sessions.get(connection).filter(|session| session.wire.is_emulated());
        let answer = match session {
            None => Heard::NoSession,
            // There is no reading that could pause.
            Some(session) if session.is_paused() && !session.wire.is_pong(&commands) => Heard::Busy,
            Some(_) => {
                self.message_of(connections, connection, &commands);
                Heard::Taken
            }
        };
        // Who asked may have gone.
        heard.send(answer).ok();
    }

    /// What takes the place of a close frame. Of a client that has gone by itself there is nobody to tell.
    pub(super) fn last_words_of(&self, id: ConnectionId, kind: u8, close: &Close<'_>) -> Vec<u8> {
        if close.is_by_peer() {
            return Vec::new();
        }
        if let Some(unanswered) = self.unanswered.get(&id) {
            return unanswered.refusal(close);
        }
        let Some(form) = WireForm::of_number(kind) else { return Vec::new() };
        let (code, reason) = (close.code.into(), close.reason.into());
        wire::last_push(form, &Push::Disconnect { code, reason, reconnect: false })
    }
}
