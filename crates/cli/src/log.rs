//! The program's own log.

use std::fs::OpenOptions;
use std::io;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, reload};
use wavecast_server::config::Log;

/// How much is logged, while it is.
pub(crate) struct Level(Box<dyn Fn(LevelFilter) -> Result<(), String> + Send>);

impl Level {
    /// Logs as `log.level` says from now on.
    ///
    /// # Errors
    /// What keeps it from that.
    pub(crate) fn set(&self, log: &Log) -> Result<(), String> {
        (self.0)(level(log))
    }
}

/// Starts to log as `log.level` and `log.file` say: to standard error, or to the end of a file.
///
/// # Errors
/// A text that names the file and what is wrong with it.
pub(crate) fn start(log: &Log) -> Result<Level, String> {
    let (filter, handle) = reload::Layer::new(level(log));
    let level = Level(Box::new(move |level| handle.reload(level).map_err(|error| error.to_string())));
    let lines = fmt::layer().with_target(false);
    if log.file.is_empty() {
        let colours = io::IsTerminal::is_terminal(&io::stderr());
        let lines = lines.with_writer(io::stderr).with_ansi(colours);
        tracing_subscriber::registry().with(filter).with(lines).init();
        return Ok(level);
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log.file)
        .map_err(|error| format!("log.file {:?} cannot be opened: {error}", log.file))?;
    let lines = lines.with_writer(std::sync::Mutex::new(file)).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(level)
}

fn level(log: &Log) -> LevelFilter {
    match log.level.as_str() {
        "none" => LevelFilter::OFF,
        "fatal" | "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    }
}
