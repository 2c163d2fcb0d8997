//! The program's own log.

use std::fs::OpenOptions;
use std::io;

use tracing_subscriber::filter::LevelFilter;
use wavecast_server::config::Log;

/// Starts to log as `log.level` and `log.file` say: to standard error, or to the end of a file.
///
/// # Errors
/// A text that names the file and what is wrong with it.
pub(crate) fn start(log: &Log) -> Result<(), String> {
    let level = match log.level.as_str() {
        "none" => LevelFilter::OFF,
        "fatal" | "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    if log.file.is_empty() {
        let colours = io::IsTerminal::is_terminal(&io::stderr());
        builder.with_writer(io::stderr).with_ansi(colours).init();
        return Ok(());
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log.file)
        .map_err(|error| format!("log.file {:?} cannot be opened: {error}", log.file))?;
    builder.with_writer(std::sync::Mutex::new(file)).with_ansi(false).init();
    Ok(())
}
