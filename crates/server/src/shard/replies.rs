//! Replies: collected while the commands of one message are carried out, and sent in as few frames as is sensible.
//!
//! One message may hold thousands of commands, and a short command may ask for a long answer. So what has been collected
//! goes into the outbox whenever it is long enough, and pages of publications are given only while the outbox has room
//! beside what waits there: whoever asks for more at once than it may have waiting is told to ask again (111).

use tracing::debug;
use wavecast_hub::Publication;
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections, SendError};
use wavecast_protocol::centrifuge::{Error, Reply};

use crate::wire;
use crate::wire_form::WireForm;

/// From this length on, what has been collected is sent.
const COLLECTED_BYTES_MAX: usize = 64 * 1024;
/// What a publication takes in a reply beside its own bytes, names of fields and numbers; generous.
const PUBLICATION_OVERHEAD_BYTES: usize = 160;

/// Replies to the commands of one message.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Whose they are; nobody else is sent them.
    owner: Option<ConnectionId>,
    encoded: Vec<u8>,
    form: WireForm,
    /// A page has been refused since the message began: further ones are not even looked up.
    out_of_room: bool,
    /// What stays of what waits for the connection, if it has been looked through since the message began or something was
    /// sent last: a message may hold a thousand commands.
    staying: Option<usize>,
}

impl Replies {
    /// A message begins, or something else that is answered.
    pub(super) fn begin(&mut self) {
        (self.out_of_room, self.staying) = (false, None);
    }

    pub(super) fn push(&mut self, id: ConnectionId, form: WireForm, reply: &Reply<'_>) {
        if let Err(Error { code, message, .. }) = &reply.body {
            debug!(slot = id.slot(), command = reply.id, code, %message, "command refused");
        }
        debug_assert!(
            self.encoded.is_empty() || self.owner == Some(id),
            "replies of another connection wait"
        );
        if self.owner != Some(id) {
            self.encoded.clear();
        }
        (self.owner, self.form) = (Some(id), form);
        if !self.encoded.is_empty() {
            form.separate(&mut self.encoded);
        }
        form.encode_reply(reply, &mut self.encoded);
    }

    /// Whether so much has been collected that it should be sent before the next command.
    pub(super) fn is_long(&self) -> bool {
        self.encoded.len() >= COLLECTED_BYTES_MAX
    }

    /// Whether a page may be asked for at all.
    pub(super) fn may_page(&self) -> bool {
        !self.out_of_room
    }

    /// Whether a reply with a page of so many bytes fits beside what waits for the connection. Pages get half of the outbox, so
    /// that there is room to refuse the others. As in the outbox itself, one page fits however long it is when nothing
    /// else waits: else it could never be had.
    pub(super) fn has_room(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        outbox_bytes_max: usize,
        page: usize,
    ) -> bool {
        if page == 0 {
            return true;
        }
        let staying = *self.staying.get_or_insert_with(|| connections.staying_bytes(id));
        let waiting = staying + self.encoded.len();
        let fits = waiting == 0 || waiting + page <= outbox_bytes_max / 2;
        self.out_of_room |= !fits;
        fits
    }

    /// The session is over: what has been collected for it goes to nobody.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if self.owner == Some(id) {
            self.encoded.clear();
        }
    }

    /// What has been collected for this connection, as one frame; `None` if nothing has.
    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Frame> {
        self.staying = None;
        if self.encoded.is_empty() || self.owner != Some(id) {
            return None;
        }
        let frame = wire::framed(self.form, &self.encoded);
        self.encoded.clear();
        self.encoded.shrink_to(COLLECTED_BYTES_MAX);
        Some(frame)
    }

    /// Sends what has been collected, in one frame.
    ///
    /// # Errors
    /// What the outbox says. [`SendError::Full`] has been reported as an overflow and ends the session with the turn.
    pub(super) fn send(&mut self, connections: &mut Connections, id: ConnectionId) -> Result<(), SendError> {
        self.take(id).map_or(Ok(()), |frame| connections.send_frame(id, &frame))
    }
}

/// What publications take in a reply, about.
pub(super) fn page_bytes<'p>(publications: impl Iterator<Item = &'p Publication>) -> usize {
    publications.map(bytes).sum()
}

fn bytes(publication: &Publication) -> usize {
    let info = publication.info.as_deref().map_or(0, |info| {
        let given =
            [&info.conn_info, &info.chan_info].map(|given| given.as_ref().map_or(0, |bytes| bytes.len()));
        info.user.len() + info.client.len() + given.iter().sum::<usize>()
    });
    let tags =
        publication.tags.iter().flat_map(|tags| tags.iter()).map(|(key, value)| key.len() + value.len() + 8);
    publication.data.len() + info + tags.sum::<usize>() + PUBLICATION_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavecast_protocol::centrifuge::Res;

    #[test]
    fn what_one_client_is_told_goes_to_no_other() {
        let [one, other] = [1, 2].map(|slot| ConnectionId::for_tests(slot, 0));
        let mut replies = Replies::default();
        let ping = |id| Reply { id, body: Ok(Res::Ping) };
        replies.push(one, WireForm::WebSocketJson, &ping(7));
        assert!(replies.take(other).is_none(), "whoever is closed meanwhile");
        replies.forget(other);
        // It is cut while its commands are carried out.
        replies.forget(one);
        replies.push(other, WireForm::WebSocketJson, &ping(8));
        let frame = replies.take(other).unwrap();
        let text = String::from_utf8_lossy(&frame).into_owned();
        assert!(text.contains("\"id\":8") && !text.contains("\"id\":7"), "{text}");
    }
}
