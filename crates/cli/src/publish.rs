//! `wavecast publish`: one publication, or one for each line of standard input.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;
use wavecast_client::{Client, Options, RequestError};

use crate::connection::{Connection, trouble};

/// Lines that are read ahead of the publication under way.
const LINES_AHEAD_MAX: usize = 64;

/// Publishes to a channel
///
/// It returns when the server has confirmed each publication. Exit codes: 0 all is published, 1 it is
/// not, 2 wrong use.
#[derive(Args, Debug)]
pub(crate) struct Publish {
    /// Channel to publish to, such as news
    channel: String,
    /// What to publish: JSON, or `-` for one publication per line of standard input. What is not JSON
    /// is sent as a JSON string: hello becomes "hello", while 42, true and null stay what they are
    #[arg(allow_hyphen_values = true)]
    data: String,
    #[command(flatten)]
    connection: Connection,
    /// Longest wait for the server's answer to one publication, connecting included, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
}

/// Runs the command.
pub(crate) fn run(publish: &Publish) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error),
    };
    match runtime.block_on(publish_all(publish)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error),
    }
}

async fn publish_all(publish: &Publish) -> Result<(), String> {
    let options = Options { request_timeout: Duration::from_secs_f64(publish.timeout), ..Options::default() };
    let client = publish.connection.client(options)?;
    let published = if publish.data == "-" {
        publish_lines(&client, &publish.channel).await
    } else {
        publish_one(&client, &publish.channel, &publish.data).await
    };
    client.close().await;
    published
}

async fn publish_lines(client: &Client, channel: &str) -> Result<(), String> {
    let mut lines = standard_input();
    while let Some(line) = lines.recv().await {
        let line = line.map_err(|error| format!("cannot read standard input: {error}"))?;
        if !line.trim().is_empty() {
            publish_one(client, channel, &line).await?;
        }
    }
    Ok(())
}

async fn publish_one(client: &Client, channel: &str, text: &str) -> Result<(), String> {
    let data = payload(text).map_err(|error| error.to_string())?;
    client.publish(channel, &data).await.map_err(|error| match (&error, trouble(client)) {
        (RequestError::NotSent | RequestError::Closed, Some(trouble)) => format!("{error} ({trouble})"),
        _ => error.to_string(),
    })
}

/// JSON as it is; anything else as a JSON string.
fn payload(text: &str) -> serde_json::Result<Box<RawValue>> {
    serde_json::from_str(text).or_else(|_| to_raw_value(text))
}

/// Standard input line by line. A thread of its own waits for it, so that the connection is looked
/// after meanwhile; it ends with the program.
fn standard_input() -> mpsc::Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel(LINES_AHEAD_MAX);
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    // A day is more than any answer is worth.
    if seconds > 0.0 && seconds <= 86_400.0 {
        Ok(seconds)
    } else {
        Err("must be above 0, at most 86400".into())
    }
}

fn failed(error: impl fmt::Display) -> ExitCode {
    eprintln!("wavecast: not published: {error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_and_anything_else_becomes_a_string() {
        let table = [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("42", "42"),
            ("null", "null"),
            (r#""quoted""#, r#""quoted""#),
            ("hello", r#""hello""#),
            ("hello world", r#""hello world""#),
            ("{broken", r#""{broken""#),
            ("", r#""""#),
        ];
        for (text, json) in table {
            assert_eq!(payload(text).unwrap().get(), json, "{text}");
        }
    }

    #[test]
    fn time_outs_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "inf", "NaN", "1e9", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
