//! The server as a service: what signals ask of it, and what its service manager hears.
//!
//! SIGTERM and Ctrl-C drain the server, and a second one ends the process at once; SIGHUP has the configuration read anew. A manager that set `NOTIFY_SOCKET` hears when
//! the server is ready and when it stops; one that set `WATCHDOG_USEC`, that all is well, as long as all shards answer.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};
use wavecast_server::{DrainHandle, Node};

use crate::manager;
use crate::signal::{Asked, Signals};

/// What a stop may take beyond `shutdown.timeout`: the last events of hooks, and the end of the process.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// Signals are heard from its making on; what they ask for is done from [`Service::start`] on.
pub(crate) struct Service {
    runtime: Runtime,
    signals: Signals,
}

impl Service {
    /// Listens for signals.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        Ok(Self { runtime, signals })
    }

    /// Tells the manager that the server is ready, and does what signals ask for. Without a `reload` there is no configuration to
    /// be read anew: SIGHUP ends the server then.
    ///
    /// # Errors
    /// What the system says when there is no thread to be had.
    pub(crate) fn start(
        self,
        node: Arc<Node>,
        drain: DrainHandle,
        reload: Option<impl Fn() + Send + 'static>,
    ) -> io::Result<()> {
        let Self { runtime, mut signals } = self;
        thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                manager::tell_ready();
                until_told_to_end(&mut signals, &node, reload).await;
                info!("told to end: a second signal ends at once");
                manager::tell_stopping(node.config().shutdown.timeout + STOP_MARGIN);
                drain.drain();
                while signals.next().await != Asked::ToEnd {}
                warn!("told to end again: connections are cut off");
                process::exit(1);
            });
        })?;
        Ok(())
    }
}

async fn until_told_to_end(signals: &mut Signals, node: &Node, reload: Option<impl Fn()>) {
    let interval = manager::watchdog();
    let mut look = Instant::now();
    loop {
        tokio::select! {
            asked = signals.next() => match (asked, &reload) {
                (Asked::ToReload, Some(reload)) => {
                    manager::tell_reloading();
                    reload();
                    manager::tell_ready();
                }
                // Without anything to read, a terminal that closes means what it always has.
                (Asked::ToReload, None) | (Asked::ToEnd, _) => return,
            },
            () = sleep_until(look), if interval.is_some() => {
                look = Instant::now() + interval.unwrap_or_default();
                if node.is_responsive().await {
                    manager::tell_alive();
                } else {
                    error!("a shard does not answer: the service manager is not told that all is well");
                }
            }
        }
    }
}
