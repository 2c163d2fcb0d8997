//! The connect command: who is there, may they come in, and what they are subscribed to by the server.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use wavecast_protocol::centrifuge::{ConnectRequest, Disconnect, Error, SubscribeRequest};

use super::command::Context;
use super::identity::{Identity, TokenMark};
use super::joining::By;
use super::permission::Who;
use super::question::{ConnectDraft, Question, TokenKind};
use super::refusal::Refused;
use super::state::{Phase, Session};
use super::step::{Accepted, Join, Step};
use super::subscribe::hook_that_decides;
use super::wish::{ServerSubscription, Wish, Wishes, given, seconds};
use crate::hooks::{Answer, ConnectCall, ConnectGrant, PassedHeaders};
use crate::rate::Bucket;
use crate::token::{Capabilities, ConnectionClaims};

/// What has been found out about a client.
#[derive(Default)]
struct Found {
    identity: Identity,
    expire_at_s: u64,
    client_refreshes: bool,
    data: Box<[u8]>,
    subscriptions: Vec<ServerSubscription>,
}

impl Session {
    pub(super) fn connect<'c>(
        &mut self,
        id: u32,
        request: ConnectRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let rules = cx.rules;
        let found = if !request.token.is_empty() {
            self.found_by_token(&request.token, cx)?
        } else if let Some(user) = self.user_of_handshake(cx) {
            Found { identity: Identity { user, ..Identity::default() }, ..Found::default() }
        } else if rules.hooks().connect {
            self.phase = Phase::Connecting;
            return Ok(self.ask_connect(id, request, cx));
        } else if rules.allow_anonymous || rules.insecure {
            Found::default()
        } else {
            return Err(Disconnect::BAD_REQUEST.into());
        };
        let wishes = wishes(&request.subs);
        let mut joins = self.server_joins(&found, &wishes, cx)?;
        joins.extend(self.wished_joins(wishes, &found, &joins, cx)?);
        Ok(self.accepted(id, found, joins, cx))
    }

    fn found_by_token(&self, token: &str, cx: &Context<'_>) -> Result<Found, Refused> {
        let Some(verifier) = &cx.rules.connection_tokens else {
            // No key is configured that could verify it: a token is never waved through.
            return Err(Disconnect::INVALID_TOKEN.into());
        };
        let claims = verifier.verify_connection(token, cx.now.unix_i64()).map_err(|refusal| {
            let (invalid, expired) = (Disconnect::INVALID_TOKEN, Error::TOKEN_EXPIRED);
            Refused::of_token(refusal, TokenKind::Connection, invalid.into(), expired.into())
        })?;
        check_claims(&claims, cx)?;
        Found::of_claims(claims, cx).map_err(|problem| {
            tracing::info!(client = self.client(), %problem, "connection token refused: its tags filter");
            Disconnect::INVALID_TOKEN.into()
        })
    }

    /// The user that a proxy in front has authenticated, if the configuration says which field names it.
    fn user_of_handshake(&self, cx: &Context<'_>) -> Option<Box<str>> {
        self.handshake.as_ref()?.user.clone().filter(|_| cx.rules.user_id_header.is_some())
    }

    fn ask_connect<'c>(&mut self, id: u32, request: ConnectRequest<'c>, cx: &Context<'_>) -> Step<'c> {
        self.keep_emulated(&request, cx);
        let call = ConnectCall {
            caller: self.caller(),
            name: request.name.into(),
            version: request.version.into(),
            data: given(request.data),
            channels: request.subs.keys().map(|channel| channel.clone().into_owned()).collect(),
        };
        let draft = ConnectDraft { id, wishes: wishes(&request.subs) };
        Step::Ask(Question::Connect { call, draft })
    }

    /// Keeps the headers that the client names and hooks may be passed.
    fn keep_emulated(&mut self, request: &ConnectRequest<'_>, cx: &Context<'_>) {
        let names = &cx.rules.hooks().headers;
        if names.is_empty() || request.headers.is_empty() {
            return;
        }
        let handshake = self.handshake.get_or_insert_default();
        let mut headers = handshake.headers.as_deref().cloned().unwrap_or_default();
        for (name, value) in &request.headers {
            headers.keep_emulated(names, name, value);
        }
        handshake.headers = (!headers.is_empty()).then(|| Arc::<PassedHeaders>::new(headers));
    }

    /// The connect hook has answered.
    pub(super) fn connect_answered(
        &mut self,
        answer: Answer<ConnectGrant>,
        draft: ConnectDraft,
        cx: &Context<'_>,
    ) -> Step<'static> {
        let ConnectDraft { id, wishes } = draft;
        // A hook that lets the client in has been told what it wishes for, and decides over that.
        let has_decided = matches!(answer, Answer::Ok(_));
        let found = match answer {
            Answer::Ok(grant) => match Found::of_grant(grant) {
                Ok(found) => found,
                Err(error) => return self.connect_refused(id, error),
            },
            // It has nothing to say about this client.
            Answer::NotHandled if cx.rules.allow_anonymous || cx.rules.insecure => Found::default(),
            Answer::NotHandled => return Step::Close(Disconnect::BAD_REQUEST),
            Answer::Error(error) => return self.connect_refused(id, error),
            Answer::Disconnect(disconnect) => return Step::Close(disconnect),
        };
        let joins = self.server_joins(&found, &wishes, cx).and_then(|mut joins| {
            if !has_decided {
                joins.extend(self.wished_joins(wishes, &found, &joins, cx)?);
            }
            Ok(joins)
        });
        match joins {
            Ok(joins) => self.accepted(id, found, joins, cx),
            Err(Refused::Error(error)) => self.connect_refused(id, error),
            Err(refused) => refused.step(id),
        }
    }

    fn connect_refused(&mut self, id: u32, error: Error) -> Step<'static> {
        self.phase = Phase::Refused;
        Refused::Error(error).step(id)
    }

    fn accepted<'c>(&self, id: u32, found: Found, joins: Vec<Join<'static>>, cx: &Context<'_>) -> Step<'c> {
        let Found { mut identity, expire_at_s, client_refreshes, data, .. } = found;
        let rules = cx.rules;
        // A token's user has been looked at; one that a hook or a proxy in front names has not.
        if rules.revocations.is_blocked(&identity.user, cx.now.unix_i64()) {
            return Step::Close(Disconnect::INVALID_TOKEN);
        }
        let mut ttl = 0;
        if expire_at_s > 0 && !rules.insecure {
            identity.client_refreshes = client_refreshes;
            identity.expires_ms = Some(if client_refreshes {
                ttl = cx.now.ttl(expire_at_s);
                cx.now.told(expire_at_s)
            } else {
                cx.now.at_unix(expire_at_s)
            });
        }
        identity.commands = Bucket::new(rules.command_rate_limit, cx.now.shard_ms);
        identity.publications = Bucket::new(rules.publish_rate_limit, cx.now.shard_ms);
        let identity = Some(Box::new(identity)).filter(|identity| !identity.is_nobody());
        Step::Welcome(Box::new(Accepted { id, identity, data, ttl, joins }))
    }

    /// The subscriptions that token, hook or configuration make.
    fn server_joins(
        &self,
        found: &Found,
        wishes: &Wishes,
        cx: &Context<'_>,
    ) -> Result<Vec<Join<'static>>, Refused> {
        let personal = cx.rules.personal_channel(&found.identity.user);
        let mut joins: Vec<Join<'static>> = Vec::new();
        for wanted in found.subscriptions.iter().cloned().chain(personal) {
            if joins.iter().any(|join| *join.channel == *wanted.channel) {
                continue;
            }
            if joins.len() >= cx.rules.channel_limit {
                return Err(Disconnect::CHANNEL_LIMIT.into());
            }
            let position = wishes.get(&wanted.channel).cloned().flatten();
            let position = position.or_else(|| self.left_off(&wanted.channel));
            joins.push(self.server_join(By::Connect, wanted, position, Who(Some(&found.identity)), cx)?);
        }
        Ok(joins)
    }

    /// Where the client left off in a channel, as the request says that made the connection.
    fn left_off(&self, channel: &str) -> Option<(u64, Cow<'static, str>)> {
        let position = &self.handshake.as_ref()?.left_off.get(channel)?.position;
        Some((position.offset, Cow::Owned(String::from(&*position.epoch))))
    }

    /// What the client itself asks the server to subscribe it to: what it could not have by a subscribe command of its own,
    /// without asking the back end, is left out.
    fn wished_joins(
        &self,
        wishes: Wishes,
        found: &Found,
        there: &[Join<'static>],
        cx: &Context<'_>,
    ) -> Result<Vec<Join<'static>>, Refused> {
        let mut joins = Vec::new();
        for (channel, position) in wishes {
            if there.iter().any(|join| *join.channel == *channel) {
                continue;
            }
            let options = match cx.rules.options(&channel) {
                Ok(options) => options,
                // Its browser says where it stood, and the namespace may have been taken out since.
                Err(_) if self.left_off(&channel).is_some() => continue,
                Err(_) => return Err(Disconnect::BAD_REQUEST.into()),
            };
            let is_allowed = hook_that_decides(&channel, options, cx).is_none()
                && Who(Some(&found.identity)).may_subscribe(&channel, options, cx.rules);
            if is_allowed && !options.not_offered && there.len() + joins.len() < cx.rules.channel_limit {
                let wanted = ServerSubscription::to(channel);
                joins.push(self.server_join(
                    By::Connect,
                    wanted,
                    position,
                    Who(Some(&found.identity)),
                    cx,
                )?);
            }
        }
        Ok(joins)
    }

    /// A subscription that the server makes, on its terms.
    pub(super) fn server_join(
        &self,
        by: By,
        wanted: ServerSubscription,
        position: Option<(u64, Cow<'static, str>)>,
        who: Who<'_>,
        cx: &Context<'_>,
    ) -> Result<Join<'static>, Error> {
        let options = Arc::clone(cx.rules.options(&wanted.channel)?);
        if options.not_offered {
            return Err(Error::NOT_AVAILABLE);
        }
        let wish = Wish {
            channel: String::from(wanted.channel.clone()).into(),
            recover: position,
            // Recovery is the client's wish where it comes with a position, and granted where the namespace grants it.
            recoverable: options.allow_recovery,
            positioned: options.allow_positioning,
            ..Wish::default()
        };
        Ok(self.join(who, by, wish, options, wanted.grant, cx))
    }
}

impl Found {
    /// What a token says.
    ///
    /// # Errors
    /// What is wrong with a filter in it.
    fn of_claims(claims: ConnectionClaims, cx: &Context<'_>) -> Result<Self, String> {
        let mark = TokenMark::of(&claims);
        let mut identity = Identity { user: claims.user.clone().into(), ..Identity::default() };
        let expire_at_s = seconds(claims.connection_expires_at_s);
        let subscriptions = claims.subscriptions.clone();
        identity.renew(claims)?;
        identity.token = Some(Box::new(mark));
        Ok(Self {
            identity,
            expire_at_s,
            client_refreshes: !cx.rules.hooks().refresh,
            data: Box::default(),
            subscriptions: (subscriptions.into_iter().map(ServerSubscription::of_token))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What the connect hook has granted.
    ///
    /// # Errors
    /// 100 when it makes no sense: its fault, not the client's.
    fn of_grant(grant: ConnectGrant) -> Result<Self, Error> {
        let capabilities = (!grant.caps.is_empty()).then(|| Capabilities::of_hook(&grant.caps)).transpose();
        let capabilities = capabilities.map_err(|problem| {
            tracing::warn!(%problem, "the connect hook gave capabilities that make no sense");
            Error::INTERNAL
        })?;
        let identity = Identity {
            user: grant.user,
            info: grant.info,
            meta: grant.meta,
            capabilities: capabilities.map(Box::new),
            ..Identity::default()
        };
        let plain = grant.channels.into_iter().map(|channel| Ok(ServerSubscription::to(channel)));
        let own = grant.subs.into_iter().map(|(channel, grant)| ServerSubscription::of_hook(channel, grant));
        Ok(Self {
            identity,
            expire_at_s: u64::try_from(grant.expire_at).unwrap_or(0),
            client_refreshes: false,
            data: grant.data.unwrap_or_default(),
            subscriptions: plain.chain(own).collect::<Result<_, _>>()?,
        })
    }
}

/// What no signature says: whether the token, or its user, is still welcome.
pub(super) fn check_claims(claims: &ConnectionClaims, cx: &Context<'_>) -> Result<(), Refused> {
    if claims.user.is_empty() && cx.rules.disallow_anonymous_tokens {
        return Err(Disconnect::PERMISSION_DENIED.into());
    }
    if let Some(revoked) = cx.rules.revocations.is_revoked(claims, cx.now.unix_i64()) {
        tracing::info!(?revoked, "connection token refused");
        return Err(Disconnect::INVALID_TOKEN.into());
    }
    Ok(())
}

fn wishes(requests: &BTreeMap<Cow<'_, str>, SubscribeRequest<'_>>) -> Wishes {
    let position = |request: &SubscribeRequest<'_>| {
        request.recover.then(|| (request.offset, Cow::Owned(request.epoch.as_ref().to_owned())))
    };
    requests.iter().map(|(channel, request)| (channel.as_ref().into(), position(request))).collect()
}
