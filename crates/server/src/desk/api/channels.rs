//! What is asked of channels: presence, history, which there are.

use tokio::time::Instant;
use wavecast_hub::{HistoryQuery, Since};
use wavecast_protocol::centrifuge::Error;

use super::fields::Fields;
use super::pattern::{PATTERN_BYTES_MAX, Pattern};
use super::{Api, encode, until};
use crate::desk::backend::Backend;

/// Channels that are listed; with more, the caller is to ask for a part of them.
const CHANNELS_MAX: usize = 10_000;
/// Bytes of the payloads in one answer; with more, the caller is to ask for a part of them.
const HISTORY_BYTES_MAX: usize = 64 << 20;

impl<B: Backend> Api<B> {
    pub(super) fn presence(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        Ok(encode::presence(&self.backend.presence(&fields.text("channel")?)?))
    }

    pub(super) fn presence_stats(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        Ok(encode::presence_stats(&self.backend.presence_stats(&fields.text("channel")?)?))
    }

    pub(super) fn history(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        let channel = fields.text("channel")?;
        let since = fields.object("since")?;
        let since = since.map(|since| Ok((since.whole("offset")?, since.text("epoch")?))).transpose()?;
        let query = HistoryQuery {
            since: since.as_ref().map(|(offset, epoch)| Since { offset: *offset, epoch }),
            limit: fields.limit("limit")?,
            reverse: fields.flag("reverse")?,
            publications_max: self.config.http_api.history_max_publication_limit,
        };
        let page = self.backend.history(&channel, query)?;
        // They are shared with the hub as yet; written out, they would be the answer's own.
        let payloads: usize = page.publications.iter().map(|publication| publication.data.len()).sum();
        if payloads > HISTORY_BYTES_MAX {
            let message = format!(
                "limit exceeded: these publications have {payloads} bytes, and {HISTORY_BYTES_MAX} may be asked for at once: set \"limit\""
            );
            return Err(Error { message: message.into(), ..Error::LIMIT_EXCEEDED });
        }
        Ok(encode::history(&page))
    }

    pub(super) fn history_remove(&self, fields: &Fields<'_>) -> Result<Vec<u8>, Error> {
        self.backend.remove_history(&fields.text("channel")?)?;
        Ok(encode::nothing())
    }

    pub(super) async fn channels(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let pattern = Pattern::new(&fields.text_within("pattern", PATTERN_BYTES_MAX)?)?;
        let accept = |name: &str| pattern.matches(name);
        let channels = until(deadline, self.backend.channels(CHANNELS_MAX, &accept)).await?;
        Ok(encode::channels(&channels))
    }
}
