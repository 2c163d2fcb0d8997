//! What is asked of sessions: subscribe, unsubscribe, disconnect, refresh.

use std::borrow::Cow;

use tokio::time::Instant;
use wavecast_hub::Since;
use wavecast_protocol::centrifuge::{Disconnect, Error};
use wavecast_websocket::REASON_BYTES_MAX;

use super::fields::Fields;
use super::{Api, encode, until};
use crate::desk::backend::Backend;
use crate::hooks::{Overrides, SubscribeGrant};
use crate::steering::{Renewal, Whom};

/// What others may know of somebody, in bytes: each session keeps it. It is what a token could carry.
const INFO_BYTES_MAX: usize = 65_536;
/// Sessions that live on where the others of a user end.
const WHITELIST_MAX: usize = 1000;

impl<B: Backend> Api<B> {
    pub(super) async fn subscribe(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let channel = fields.text("channel")?;
        let addressed = Addressed::of(fields)?;
        let grant = SubscribeGrant {
            expire_at: fields.time("expire_at")?.unwrap_or(0),
            info: fields.embedded("info", Some("b64info"), INFO_BYTES_MAX)?,
            data: fields.embedded("data", Some("b64data"), self.config.client.queue_max_size)?,
            overrides: overrides(fields)?,
            ..SubscribeGrant::default()
        };
        let since = fields.object("recover_since")?;
        let since = since.map(|since| Ok((since.whole("offset")?, since.text("epoch")?))).transpose()?;
        let since = since.as_ref().map(|(offset, epoch)| Since { offset: *offset, epoch });
        // Its errors are those of all, whoever is meant.
        self.backend.options(&channel)?;
        if let Some(whom) = addressed.whom() {
            until(deadline, self.backend.subscribe(whom, &channel, grant, since)).await?;
        }
        Ok(encode::nothing())
    }

    pub(super) async fn unsubscribe(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let channel = fields.text("channel")?;
        let channel = Some(&*channel).filter(|channel| !channel.is_empty());
        let addressed = Addressed::of(fields)?;
        channel.map(|channel| self.backend.options(channel)).transpose()?;
        if let Some(whom) = addressed.whom() {
            until(deadline, self.backend.unsubscribe(whom, channel)).await?;
        }
        Ok(encode::nothing())
    }

    pub(super) async fn disconnect(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let addressed = Addressed::of(fields)?;
        let whitelist = fields.texts("whitelist", WHITELIST_MAX)?;
        let except: Vec<&str> = whitelist.iter().map(String::as_str).collect();
        let why = match fields.object("disconnect")? {
            None => Disconnect::FORCE_NO_RECONNECT,
            Some(why) => {
                let reason = why.text_within("reason", REASON_BYTES_MAX)?.into_owned();
                Disconnect { code: why.code("code")?, reason: reason.into() }
            }
        };
        if let Some(whom) = addressed.whom() {
            until(deadline, self.backend.disconnect(whom, &except, why)).await?;
        }
        Ok(encode::nothing())
    }

    pub(super) fn drain(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        let share = fields.share("share")?;
        let window = fields.duration("window")?.unwrap_or(self.config.shutdown.drain);
        Ok(encode::told_to_go(self.backend.send_away(share, window)?))
    }

    pub(super) async fn refresh(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let addressed = Addressed::of(fields)?;
        let renewal = Renewal {
            expired: fields.flag("expired")?,
            expire_at_s: fields.time("expire_at")?.map_or(0, i64::unsigned_abs),
            info: fields.embedded("info", None, INFO_BYTES_MAX)?,
        };
        if let Some(whom) = addressed.whom() {
            until(deadline, self.backend.refresh(whom, renewal)).await?;
        }
        Ok(encode::nothing())
    }
}

/// Whose sessions a request means.
struct Addressed<'a> {
    user: Cow<'a, str>,
    client: Cow<'a, str>,
    session: Cow<'a, str>,
}

impl<'a> Addressed<'a> {
    fn of(fields: &Fields<'a>) -> Result<Self, Error> {
        let (user, client) = (fields.text("user")?, fields.text("client")?);
        Ok(Self { user, client, session: fields.text("session")? })
    }

    /// `None` for a session of the transports that have such names: there are none.
    fn whom(&self) -> Option<Whom<'_>> {
        self.session.is_empty().then_some(Whom { user: &self.user, client: &self.client })
    }
}

fn overrides(fields: &Fields<'_>) -> Result<Overrides, Error> {
    let Some(options) = fields.object("override")? else { return Ok(Overrides::default()) };
    let option = |name| options.object(name)?.map(|option| option.flag("value")).transpose();
    Ok(Overrides {
        presence: option("presence")?,
        join_leave: option("join_leave")?,
        force_recovery: option("force_recovery")?,
        force_positioning: option("force_positioning")?,
        force_push_join_leave: option("force_push_join_leave")?,
    })
}
