//! Clients that follow channels, and those who publish to these: from the first subscription to the last publication.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::audience::Audience;
use super::error::BenchError;
use super::journal::Counts;
use super::press::Press;
use super::run::progress_bar;
use super::server::Server;

/// How often a run looks at what has happened.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// An audience, and publishers at work.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) audience: Audience,
    pub(super) press: Press,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) audience: Audience,
    /// Confirmed with offset and epoch.
    pub(super) publications: u64,
    /// Sent while a server went away: they may have been taken.
    pub(super) unanswered: u64,
    pub(super) counts: Counts,
}

impl Following {
    /// Waits until every subscription stands, at most for `patience`; then the publishers start.
    pub(super) async fn start(
        mut audience: Audience,
        server: &mut Server,
        patience: Duration,
        press: impl FnOnce() -> Press,
    ) -> Result<Self, BenchError> {
        let bar = progress_bar("subscribing", audience.subscriptions());
        let begun = Instant::now();
        loop {
            let (ready, all) = (audience.begun(), audience.subscriptions());
            bar.set_position(ready);
            if ready == all {
                bar.finish_and_clear();
                return Ok(Self { audience, press: press() });
            }
            check(&mut audience, Some(server))?;
            if begun.elapsed() > patience {
                let wait = patience.as_secs();
                return Err(BenchError::Server(format!(
                    "{ready} of {all} subscriptions stood after {wait} s"
                )));
            }
            sleep(5 * TICK).await;
        }
    }

    /// Fails when a client or a publisher has given up, or a server that should be there is not.
    pub(super) fn check(&mut self, server: Option<&mut Server>) -> Result<(), BenchError> {
        check(&mut self.audience, server)?;
        self.press.check().map_err(BenchError::Server)
    }

    /// Ends the publishing, waits until everybody has come to the last publication, at most for `patience`, and judges.
    pub(super) async fn settle(
        self,
        mut server: Option<&mut Server>,
        patience: Duration,
    ) -> Result<Settled, BenchError> {
        let Self { mut audience, press } = self;
        press.end();
        while !press.has_ended() {
            check(&mut audience, server.as_deref_mut())?;
            sleep(TICK).await;
        }
        let ledger = press.close().map_err(BenchError::Server)?;
        let bar = progress_bar("settling", audience.subscriptions());
        let begun = Instant::now();
        loop {
            check(&mut audience, server.as_deref_mut())?;
            let caught_up = audience.caught_up(&ledger);
            bar.set_position(caught_up);
            if caught_up == audience.subscriptions() || begun.elapsed() > patience {
                break;
            }
            sleep(5 * TICK).await;
        }
        bar.finish_and_clear();
        let counts = audience.close(&ledger);
        Ok(Settled { audience, publications: ledger.confirmed(), unanswered: ledger.unanswered(), counts })
    }
}

fn check(audience: &mut Audience, server: Option<&mut Server>) -> Result<(), BenchError> {
    if let Some(died) = server.and_then(Server::died) {
        return Err(died);
    }
    audience.check().map_err(BenchError::Server)
}
