//! SIGHUP: the configuration has been read again, and is carried out as far as that goes in a server that runs.

use tracing::{error, info, warn};
use wavecast_server::ReloadHandle;
use wavecast_server::config::{Change, ConfigError, Loaded};

use crate::log::Level;

/// Carries out what was read. What is wrong changes nothing, and is logged; so is what has changed, and what counts from the next
/// start on.
pub(crate) fn reload(
    read: Result<Loaded, ConfigError>,
    server: &ReloadHandle,
    level: &Level,
    has_demos: bool,
) {
    if has_demos {
        // They have added namespaces and a secret of their own, which no file knows.
        return error!("not reloaded: the demo applications run; set demo.enabled to false and start anew");
    }
    let loaded = match read {
        Ok(loaded) => loaded,
        Err(error) => return error!("not reloaded, everything is as it was: {error}"),
    };
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let Change { taken, left, .. } = match server.reload(&loaded) {
        Ok(change) => change,
        Err(error) => return error!("not reloaded, everything is as it was: {error}"),
    };
    if taken.iter().any(|key| key == "log.level")
        && let Err(error) = level.set(&loaded.config.log)
    {
        warn!(error, "log.level cannot be changed");
    }
    for key in &left {
        warn!("{key} changed: takes effect at the next start");
    }
    match taken.is_empty() {
        true => info!("reloaded: nothing that could be carried out has changed"),
        false => info!("reloaded: {}", taken.join(", ")),
    }
}
