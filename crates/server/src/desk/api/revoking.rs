//! Who is no longer welcome: tokens and users.

use tokio::time::Instant;
use wavecast_protocol::centrifuge::Error;

use super::fields::{Fields, bad_request};
use super::{Api, encode, until};
use crate::desk::backend::Backend;
use crate::steering::Revocation;

/// The names that a token's id goes by: Centrifugo PRO's, ours, that of the claim.
const TOKEN_IDS: [&str; 3] = ["uid", "token_id", "jti"];

impl<B: Backend> Api<B> {
    pub(super) async fn block_user(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let (user, expire_at_s) = (fields.text("user")?, fields.time("expire_at")?);
        self.revoke(Revocation::BlockUser { user: &user, expire_at_s }, deadline).await
    }

    pub(super) async fn unblock_user(
        &self,
        fields: &Fields<'_>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        let user = fields.text("user")?;
        self.revoke(Revocation::UnblockUser { user: &user }, deadline).await
    }

    pub(super) async fn revoke_token(
        &self,
        fields: &Fields<'_>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        let mut given = Vec::new();
        for name in TOKEN_IDS {
            given.push(fields.text(name)?);
        }
        given.retain(|id| !id.is_empty());
        let [id] = &*given else {
            return Err(bad_request("one of the fields \"uid\", \"token_id\" and \"jti\" is required"));
        };
        let expire_at_s = fields.time("expire_at")?;
        self.revoke(Revocation::Token { id, expire_at_s }, deadline).await
    }

    pub(super) async fn invalidate_user_tokens(
        &self,
        fields: &Fields<'_>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        let user = fields.text("user")?;
        let (issued_before_s, expire_at_s) = (fields.time("issued_before")?, fields.time("expire_at")?);
        if !fields.text("channel")?.is_empty() {
            let message = "not available: field \"channel\": all tokens of a user, or none";
            return Err(Error { message: message.into(), ..Error::NOT_AVAILABLE });
        }
        self.revoke(Revocation::UserTokens { user: &user, issued_before_s, expire_at_s }, deadline).await
    }

    async fn revoke(&self, revocation: Revocation<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        until(deadline, self.backend.revoke(revocation)).await?;
        Ok(encode::nothing())
    }
}
