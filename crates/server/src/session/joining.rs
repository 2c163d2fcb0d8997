//! Subscriptions on their way: asked for, not answered by the hub yet.

use std::rc::Rc;
use std::sync::Arc;

use wavecast_hub::{ChannelOptions, ClientInfo, Filter, Joined, Publication, Recovery};
use wavecast_protocol::centrifuge::{self, Disconnect, Error, Push, SubscribeResult, Unsubscribed};

use super::done::Done;
use crate::channels::{ChannelNumber, Listener};
use crate::token::Allowed;
use crate::wire;
use crate::wire_form::WireForm;

/// A subscription that the hub has been asked for.
#[derive(Debug)]
pub(crate) struct Joining {
    /// The shard numbers the channel when it enters it.
    pub(crate) channel: ChannelNumber,
    pub(crate) by: By,
    pub(crate) marks: Marks,
    /// The client asks to recover, from this offset.
    pub(super) since: Option<u64>,
    /// Error 112 is wanted in place of `recovered: false`.
    pub(super) rejects_unrecovered: bool,
    /// It is not wanted any more, and ends with the answer.
    pub(crate) ending: Option<Ending>,
    /// What only some subscriptions have.
    pub(super) terms: Option<Box<Terms>>,
}

/// What is true of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// It has a position that is watched over.
    pub(crate) positioned: bool,
    /// It recovers.
    pub(crate) recoverable: bool,
    /// The server made it, not the client.
    pub(crate) by_server: bool,
    /// The client, not the server, sees to its being refreshed.
    pub(crate) client_refreshes: bool,
}

/// How a subscription ends that the client is to begin anew. What the server has made the client cannot subscribe to: it has to
/// connect anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    Subscribe(Unsubscribed),
    Connect(Disconnect),
}

impl Anew {
    /// Its time is up.
    pub(crate) fn expired(by_server: bool) -> Self {
        if by_server {
            Self::Connect(Disconnect::SUB_EXPIRED)
        } else {
            Self::Subscribe(Unsubscribed::EXPIRED)
        }
    }

    /// Something is missing in what the client has.
    pub(crate) fn insufficient_state(by_server: bool) -> Self {
        if by_server {
            Self::Connect(Disconnect::INSUFFICIENT_STATE)
        } else {
            Self::Subscribe(Unsubscribed::INSUFFICIENT_STATE)
        }
    }
}

/// Who has ended a subscription while it was joining.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client, by the command with this id.
    Client(u32),
    /// The back end, which waits for it, if the hub had been asked.
    Backend(#[expect(dead_code, reason = "it is over when this is dropped")] Option<Done>),
}

/// Who wants a subscription, and so who is answered.
#[derive(Debug)]
pub(crate) enum By {
    /// The client, by the command with this id.
    Client(u32),
    /// The connect command.
    Connect,
    /// The back end; what it waits for is dropped when the subscription is made or refused.
    Backend(Done),
}

/// A subscription of the connect command that has joined, until the others have.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) channel: Arc<str>,
    pub(crate) joining: Joining,
    pub(crate) joined: Joined,
}

/// The particulars of a subscription.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(super) options: Arc<ChannelOptions>,
    pub(super) info: Arc<ClientInfo>,
    /// What the subscribe reply carries for the application.
    pub(super) data: Box<[u8]>,
    /// What the client may do in the channel beside what its namespace allows.
    pub(super) allowed: Allowed,
    pub(super) expires: Option<Expiry>,
    pub(super) delta: bool,
    pub(super) join_leave: bool,
    /// What publications have to pass.
    pub(super) filter: Option<Rc<Filter>>,
    /// What of it the subscription's own token or hook has set.
    pub(super) set_filter: Option<Rc<Filter>>,
}

/// When a subscription expires, in both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Milliseconds of the shard.
    pub(crate) at_ms: u64,
    /// Seconds from when it was granted, as the client is told.
    pub(crate) ttl: u32,
}

impl Joining {
    /// How the subscriber is spoken to. `base`: the publication that it was given last.
    pub(crate) fn listener(&self, wire: WireForm, base: Option<Arc<Publication>>) -> Listener {
        let terms = self.terms.as_deref();
        Listener {
            wire,
            delta: terms.is_some_and(|terms| terms.delta),
            join_leave: terms.is_some_and(|terms| terms.join_leave),
            filter: terms.and_then(|terms| terms.filter.clone()),
            base,
        }
    }

    /// The filter that what is recovered has to pass.
    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.terms.as_ref()?.filter.as_deref()
    }

    /// Whether what is recovered is given as deltas.
    pub(super) fn delta(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.delta)
    }

    /// Who it is in the channel, where presence or the other subscribers are told.
    pub(crate) fn attendance(&self) -> Option<(&Arc<ChannelOptions>, &Arc<ClientInfo>)> {
        let terms = self.terms.as_deref()?;
        (terms.options.presence || terms.options.join_leave).then_some((&terms.options, &terms.info))
    }

    /// Whether it ends by itself.
    pub(crate) fn expires(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.expires.is_some())
    }

    /// The result of the subscription, from the hub's answer.
    ///
    /// # Errors
    /// 112, for those who want it in place of `recovered: false`.
    pub(crate) fn result<'j>(&'j self, joined: &'j Joined) -> Result<SubscribeResult<'j>, Error> {
        let recovered = matches!(joined.recovery, Recovery::Recovered(_));
        if self.since.is_some() && !recovered && self.rejects_unrecovered && self.marks.recoverable {
            return Err(Error::UNRECOVERABLE_POSITION);
        }
        let mut result = SubscribeResult {
            recoverable: self.marks.recoverable,
            positioned: self.marks.positioned,
            was_recovering: self.since.is_some(),
            recovered: self.since.is_some() && recovered,
            delta: self.delta(),
            ..SubscribeResult::default()
        };
        if let Some(terms) = &self.terms {
            result.data = &terms.data;
            if let Some(expiry) = terms.expires.filter(|_| self.marks.client_refreshes) {
                (result.expires, result.ttl) = (true, expiry.ttl);
            }
        }
        if self.marks.positioned {
            result.epoch = (&*joined.position.epoch).into();
            result.offset = joined.position.offset;
        }
        result.publications = self.publications(joined);
        // The client steps forward with each publication that it is given: it starts from where it was.
        if !result.publications.is_empty() {
            result.offset = self.since.unwrap_or_default();
        }
        Ok(result)
    }

    /// What was missed, as the client is given it.
    pub(crate) fn publications<'j>(&'j self, joined: &'j Joined) -> Vec<centrifuge::Publication<'j>> {
        match &joined.recovery {
            Recovery::Recovered(publications) => {
                wire::publications(publications, self.delta(), self.filter())
            }
            Recovery::NotAsked | Recovery::Gap => Vec::new(),
        }
    }

    /// The push that tells a client of a subscription that the back end has made.
    pub(crate) fn push<'j>(&'j self, channel: &'j str, joined: &'j Joined) -> Push<'j> {
        Push::Subscribe {
            channel: channel.into(),
            recoverable: self.marks.recoverable,
            epoch: if self.marks.positioned { (&*joined.position.epoch).into() } else { "".into() },
            // What was missed follows, and the client steps forward with it.
            offset: match &joined.recovery {
                _ if !self.marks.positioned => 0,
                Recovery::Recovered(missed) if missed.iter().any(|missed| self.wants(missed)) => {
                    self.since.unwrap_or_default()
                }
                _ => joined.position.offset,
            },
            positioned: self.marks.positioned,
            data: self.terms.as_ref().map_or(&[], |terms| &terms.data),
        }
    }

    fn wants(&self, publication: &Publication) -> bool {
        self.filter().is_none_or(|filter| filter.matches(publication.tags.as_deref()))
    }

    /// The latest publication, if the subscriber has just been given it: then a delta to the next is of use.
    pub(crate) fn base(&self, joined: &Joined) -> Option<Arc<Publication>> {
        match &joined.recovery {
            Recovery::Recovered(publications) if self.delta() => publications.last().cloned(),
            _ => None,
        }
    }
}
