//! `wavecast check`: what `wavecast serve` would say about a configuration, without serving.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wavecast_server::config::{self, Config, ConfigError, Overrides, Problem, Profile, Warning};
use wavecast_server::hooks::Wants;

use crate::demo;
use crate::serve::key_value;

/// Checks a configuration, and says everything that is wrong with it at once
///
/// Reads what `wavecast serve` would read: the file, the environment, --set. Each line names the key, the value, where it
/// was written and what is allowed. Errors would stop the start; warnings name what has no effect, or an effect that is
/// easily overlooked. Secrets are never shown.
///
/// Exit codes: 0 it can be served, 1 there are errors (with --strict: or warnings), 2 wrong use of the command line.
#[derive(Args, Clone, Debug)]
pub(crate) struct Check {
    /// Configuration file: TOML, YAML or JSON, by its extension
    #[arg(short, long, value_name = "FILE", env = "WAVECAST_CONFIG")]
    config: Option<PathBuf>,

    /// Sets any key of the configuration, such as --set client.ping_interval=10s
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    settings: Vec<(String, String)>,

    /// An address that others can reach is meant, although nothing keeps them out
    #[arg(long)]
    insecure: bool,

    /// Takes warnings for errors
    #[arg(long)]
    strict: bool,
}

/// Prints the findings on standard output, one a line.
pub(crate) fn run(check: &Check) -> ExitCode {
    let overrides = Overrides { values: check.settings.clone(), insecure: check.insecure };
    let mut findings = Findings { lines: Vec::new(), errors: 0, warnings: 0, strict: check.strict };
    match config::load(check.config.as_deref(), &overrides) {
        Ok(loaded) => {
            findings.take(&[], &loaded.warnings);
            findings.miss_handlers(&loaded.config);
            findings.meet_demos(&loaded.config);
            findings.conclude(loaded.profile);
        }
        Err(ConfigError::Invalid { problems, warnings }) => {
            findings.take(&problems, &warnings);
            findings.conclude(Profile::Configured);
        }
        Err(error) => {
            findings.lines.push(format!("error: {error}"));
            findings.errors = 1;
        }
    }
    findings.print()
}

struct Findings {
    lines: Vec<String>,
    errors: usize,
    warnings: usize,
    strict: bool,
}

impl Findings {
    fn take(&mut self, problems: &[Problem], warnings: &[Warning]) {
        self.lines.extend(problems.iter().map(|problem| format!("error: {problem}")));
        let word = if self.strict { "error" } else { "warning" };
        self.lines.extend(warnings.iter().map(|warning| format!("{word}: {warning}")));
        self.errors += problems.len() + if self.strict { warnings.len() } else { 0 };
        self.warnings += if self.strict { 0 } else { warnings.len() };
    }

    /// A program that brings handlers along checks that they are there when it starts. This one has none.
    fn miss_handlers(&mut self, config: &Config) {
        for section in config.unanswered_hooks(Wants::NOTHING) {
            self.lines.push(format!(
                "error: {section}.endpoint = \"handler:\": there is no handler in this program; set a URL"
            ));
            self.errors += 1;
        }
    }

    /// The demo applications have no room beside everything.
    fn meet_demos(&mut self, config: &Config) {
        if config.demo.enabled
            && let Err(error) = demo::check(config)
        {
            self.lines.push(format!("error: {error}"));
            self.errors += 1;
        }
    }

    fn conclude(&mut self, profile: Profile) {
        let counted = |count: usize, word: &str| match count {
            0 => format!("no {word}s"),
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        let what = match profile {
            Profile::Development | Profile::Exposed => {
                "there is no configuration, which means the development profile"
            }
            Profile::Configured => "the configuration",
        };
        let counts = format!("{}, {}", counted(self.errors, "error"), counted(self.warnings, "warning"));
        self.lines.push(format!("{what}: {counts}"));
    }

    fn print(self) -> ExitCode {
        let mut text = self.lines.join("\n");
        text.push('\n');
        // Whoever reads it may have gone: the exit code says the rest.
        let _ = std::io::stdout().write_all(text.as_bytes());
        if self.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
