//! Questions to the back office, on behalf of commands and of what expires, and what its answers lead to.
//!
//! A question owns all it needs. It is asked on tokio; the answer comes back through the shard's inbox, where room was
//! reserved before, and meets the session again by its ticket: one that has ended meanwhile is not there.

use std::sync::Arc;

use wavecast_hub::{ChannelOptions, Publish};
use wavecast_protocol::centrifuge::Error;

use super::wish::{Wish, Wishes};
use crate::hooks::{
    Answer, ConnectCall, ConnectGrant, PublishCall, PublishGrant, RefreshCall, RefreshGrant, RpcCall,
    RpcGrant, SubRefreshCall, SubRefreshGrant, SubscribeCall, SubscribeGrant,
};
use crate::token::KeyId;

/// What is asked, with what is needed to go on afterwards.
#[derive(Debug)]
pub(crate) enum Question {
    /// Fetch a key of this kind of tokens; the command is tried again afterwards, whatever came of it.
    Key {
        id: u32,
        kind: TokenKind,
        key: KeyId,
        /// The channel that the command is to subscribe to, if it is.
        channel: Option<Box<str>>,
    },
    Connect {
        call: ConnectCall,
        draft: ConnectDraft,
    },
    Subscribe {
        call: SubscribeCall,
        draft: SubscribeDraft,
    },
    Publish {
        call: PublishCall,
        draft: PublishDraft,
    },
    Rpc {
        id: u32,
        call: RpcCall,
    },
    /// The connection's time is up.
    Refresh {
        call: RefreshCall,
    },
    /// A subscription's time is up.
    SubRefresh {
        call: SubRefreshCall,
    },
}

/// What is needed of a connect command when the hook has answered.
#[derive(Debug)]
pub(crate) struct ConnectDraft {
    pub(crate) id: u32,
    pub(crate) wishes: Wishes,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Connection,
    Subscription,
}

/// A subscribe command whose hook has been asked.
#[derive(Debug)]
pub(crate) struct SubscribeDraft {
    pub(crate) id: u32,
    pub(crate) wish: Wish<'static>,
    pub(crate) options: Arc<ChannelOptions>,
}

/// A publish command whose hook has been asked.
#[derive(Debug)]
pub(crate) struct PublishDraft {
    pub(crate) id: u32,
    pub(crate) channel: Box<str>,
    pub(crate) options: Arc<ChannelOptions>,
    pub(crate) publish: Publish,
}

/// What the back office says, with what is needed to go on.
#[derive(Debug)]
pub(crate) enum Answered {
    Key,
    Connect(Answer<ConnectGrant>, ConnectDraft),
    Subscribe(Answer<SubscribeGrant>, SubscribeDraft),
    Publish(Answer<PublishGrant>, PublishDraft),
    Rpc(Answer<RpcGrant>, u32),
    Refresh(Answer<RefreshGrant>),
    /// With the name of the channel: its number may be another's by now.
    SubRefresh(Answer<SubRefreshGrant>, Box<str>),
}

/// What follows from a question that could not be asked.
#[derive(Debug)]
pub(crate) enum Unasked {
    /// The command with this id is refused.
    Command(u32),
    /// It counts as answered with this.
    Answered(Box<Answered>),
}

impl Question {
    /// Whether later commands wait for the answer: those of commands do, what expires does not hold anything up.
    pub(crate) fn holds_commands(&self) -> bool {
        !matches!(self, Self::Refresh { .. } | Self::SubRefresh { .. })
    }

    /// How the client is connected, as the hook is told.
    pub(crate) fn set_transport(&mut self, transport: &'static str) {
        match self {
            Self::Key { .. } => {}
            Self::Connect { call, .. } => call.caller.transport = transport,
            Self::Subscribe { call, .. } => call.caller.transport = transport,
            Self::Publish { call, .. } => call.caller.transport = transport,
            Self::Rpc { call, .. } => call.caller.transport = transport,
            Self::Refresh { call } => call.caller.transport = transport,
            Self::SubRefresh { call } => call.caller.transport = transport,
        }
    }

    /// The channel that the client is to be subscribed to if the answer allows it.
    pub(crate) fn subscribes_to(&self) -> Option<&str> {
        match self {
            Self::Key { channel, .. } => channel.as_deref(),
            Self::Subscribe { call, .. } => Some(&call.channel),
            _ => None,
        }
    }

    /// What it carries of the client's, with what is kept beside it for the answer, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let length = |data: &Option<Box<[u8]>>| data.as_ref().map_or(0, |data| data.len());
        match self {
            Self::Key { .. } | Self::Refresh { .. } | Self::SubRefresh { .. } => 0,
            Self::Connect { call, .. } => {
                length(&call.data) + call.channels.iter().map(String::len).sum::<usize>()
            }
            Self::Subscribe { call, .. } => call.token.len() + length(&call.data),
            Self::Publish { call, draft } => call.data.len() + draft.publish.data.len(),
            Self::Rpc { call, .. } => length(&call.data),
        }
    }

    /// Whether the command is tried again when the answer is there.
    pub(crate) fn is_tried_again(&self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// The answer where nobody answers.
    pub(crate) fn not_handled(self) -> Answered {
        match self {
            Self::Key { .. } => Answered::Key,
            Self::Connect { draft, .. } => Answered::Connect(Answer::NotHandled, draft),
            Self::Subscribe { draft, .. } => Answered::Subscribe(Answer::NotHandled, draft),
            Self::Publish { draft, .. } => Answered::Publish(Answer::NotHandled, draft),
            Self::Rpc { id, .. } => Answered::Rpc(Answer::NotHandled, id),
            Self::Refresh { .. } => Answered::Refresh(Answer::NotHandled),
            Self::SubRefresh { call } => Answered::SubRefresh(Answer::NotHandled, call.channel),
        }
    }

    /// What follows where there is no room for the answer: a command is refused for now, and what is about to expire lives a
    /// little longer, as if the hook had failed.
    pub(crate) fn unasked(self) -> Unasked {
        match self {
            Self::Key { id, .. } | Self::Rpc { id, .. } => Unasked::Command(id),
            Self::Connect { draft, .. } => Unasked::Command(draft.id),
            Self::Subscribe { draft, .. } => Unasked::Command(draft.id),
            Self::Publish { draft, .. } => Unasked::Command(draft.id),
            Self::Refresh { .. } => {
                Unasked::Answered(Answered::Refresh(Answer::Error(Error::TOO_MANY_REQUESTS)).into())
            }
            Self::SubRefresh { call } => {
                let answer = Answer::Error(Error::TOO_MANY_REQUESTS);
                Unasked::Answered(Answered::SubRefresh(answer, call.channel).into())
            }
        }
    }
}

impl Answered {
    /// Whether commands have waited for it.
    pub(crate) fn held_commands(&self) -> bool {
        !matches!(self, Self::Refresh(_) | Self::SubRefresh(..))
    }
}
