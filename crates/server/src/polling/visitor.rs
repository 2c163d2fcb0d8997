//! Who polls, and whether all of the channels may be read.

use std::collections::HashMap;

use wavecast_hub::StreamPosition;
use wavecast_protocol::centrifuge::Error;

use super::call::{PollCall, PollRefusal};
use super::reader::Reader;
use arc_swap::Guard;

use crate::node::Node;
use crate::session::{Answered, Next, Question, Refused, Visit};

impl Node {
    /// Finds out who asks, and whether all of the channels may be read.
    pub(super) async fn admit_visitor(
        &self,
        call: &PollCall<'_>,
    ) -> Result<(Visit, Vec<Reader>), PollRefusal> {
        // Of an address it has been read already; here it is for programs that embed the server.
        let limit = self.config().client.channel_limit;
        if call.channels.len() > limit {
            let message = format!("limit exceeded: at most {limit} channels (client.channel_limit)");
            return Err(PollRefusal {
                code: Error::LIMIT_EXCEEDED.code,
                message: message.into(),
                channel: None,
            });
        }
        // Those of the beginning count until the end.
        let rules = Guard::into_inner(self.rules());
        let rules = &*rules;
        let mut visit = Visit::new(visitor_id(), call.fields, rules);
        let mut next = visit.connect(call.token, &call.channels, rules, self.visitors_now());
        let mut has_fetched_key = false;
        loop {
            let question = match next {
                Next::Done(()) => break,
                Next::Refused(refused) => return Err(refused.into()),
                Next::Ask(question) => question,
            };
            let is_key = matches!(*question, Question::Key { .. });
            if std::mem::replace(&mut has_fetched_key, is_key) && is_key {
                return Err(Refused::Error(Error::INTERNAL).into());
            }
            let answered = self.answer_of(question).await?;
            next = match answered {
                Answered::Key => visit.connect(call.token, &call.channels, rules, self.visitors_now()),
                answered => visit.connect_answered(answered, rules, self.visitors_now()),
            };
        }
        let mut since: HashMap<&str, &StreamPosition> =
            call.since.iter().map(|place| (&*place.channel, &place.position)).collect();
        let mut readers = Vec::with_capacity(call.channels.len());
        for channel in &call.channels {
            let of_channel = |refusal: PollRefusal| PollRefusal { channel: Some(channel.clone()), ..refusal };
            let mut next = visit.subscribe(channel, rules, self.visitors_now());
            let admitted = loop {
                match next {
                    Next::Done(admitted) => break admitted,
                    Next::Refused(refused) => return Err(of_channel(refused.into())),
                    Next::Ask(question) => {
                        let answered = self.answer_of(question).await.map_err(of_channel)?;
                        next = visit.subscribe_answered(answered, rules, self.visitors_now());
                    }
                }
            };
            readers.push(Reader { admitted, position: since.remove(&**channel).cloned() });
        }
        Ok((visit, readers))
    }

    async fn answer_of(&self, question: Box<Question>) -> Result<Answered, PollRefusal> {
        self.office().answer(*question).await.ok_or_else(|| Refused::Error(Error::INTERNAL).into())
    }
}

/// A name for hooks (a UUID of version 4, RFC 9562 §5.4). Nothing is to be had for it, so it may be guessed.
fn visitor_id() -> [u8; 16] {
    let mut id = fastrand::u128(..).to_be_bytes();
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id
}
