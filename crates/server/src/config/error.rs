//! What is wrong with a configuration, in words for the person who wrote it.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line, which may have a short flag for the key.
    Flag(String),
    /// The program around the server: [`Config::extend_from_str`](super::Config::extend_from_str), or what there was before it.
    Program,
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Variable(name) => write!(f, "environment variable {name}"),
            Origin::Flag(_) => f.write_str("command line"),
            Origin::Program => f.write_str("the program"),
            Origin::Default => f.write_str("the default"),
        }
    }
}

/// One thing that is wrong: which key, which value, from where, and what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key's whole path, such as `client.ping_interval`.
    pub key: String,
    /// The value as it was written; `None` when there is none to show, or when it is a secret.
    pub value: Option<String>,
    /// Where it was written.
    pub origin: Origin,
    /// What is allowed, as a sentence without its full stop.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, " ({}): {}", self.origin, self.allowed)
    }
}

/// Something that does not stop the start but that the operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a configuration was not taken.
#[derive(Debug)]
pub enum ConfigError {
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file's name ends in none of the extensions that say how to read it.
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML, YAML or JSON, as its extension promised.
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, with the place.
        message: String,
    },
    /// A text of the program's is not what it was said to be.
    Text {
        /// What the parser said, with the place.
        message: String,
    },
    /// Values are wrong.
    Invalid {
        /// Everything that is wrong with them, all at once. Never empty.
        problems: Vec<Problem>,
        /// What would only have been said if nothing were wrong.
        warnings: Vec<Warning>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            ConfigError::Format { path } => write!(
                f,
                "cannot tell how to read {}: its name must end in .toml, .yaml, .yml or .json",
                path.display()
            ),
            ConfigError::Syntax { path, message } => {
                write!(f, "cannot read {}: {}", path.display(), message.trim_end())
            }
            ConfigError::Text { message } => {
                write!(f, "cannot read the configuration text: {}", message.trim_end())
            }
            ConfigError::Invalid { problems, .. } => {
                let count = problems.len();
                write!(f, "the configuration has {count} {}:", if count == 1 { "error" } else { "errors" })?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}
