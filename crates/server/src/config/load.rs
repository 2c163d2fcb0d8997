//! The way from file, environment and flags to one checked configuration.

use std::path::Path;

use super::assemble::Assembly;
use super::error::{ConfigError, Warning};
use super::profile::Profile;
use super::settings::Config;
use super::{check, source};

/// What the command line adds to file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Key and value, such as `("http_server.port", "8001")`; lists are words separated by spaces.
    pub values: Vec<(String, String)>,
    /// `--insecure`: an address that others can reach is meant, although nothing keeps them out.
    pub insecure: bool,
}

/// A configuration that may be run, and what to say about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
    /// Whether somebody has configured this server.
    pub profile: Profile,
    /// `--insecure`: others may reach what nothing keeps them out of.
    pub(crate) insecure_is_meant: bool,
}

/// Reads the configuration from a file (TOML, YAML or JSON, by extension), the process's environment and flags.
///
/// Variables are `WAVECAST_` or `CENTRIFUGO_` (ours wins) and the key in capitals joined with `_`. Without file and
/// without a variable or flag that configures (`http_server.address`, `http_server.port` and `log.*` do not), the
/// result is the development profile.
///
/// # Errors
/// The file cannot be read or parsed, or values are wrong: then all of them are named.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    load_from(file, source::variables(), overrides)
}

/// [`load`] with an environment given by the caller.
///
/// # Errors
/// As [`load`].
pub fn load_from(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<Loaded, ConfigError> {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let in_file = file.map(source::file).transpose()?;
    let (settings, warnings) = source::environment(&variables, in_file.as_deref().unwrap_or_default());
    let mut settings: Vec<_> = settings.into_iter().chain(source::flags(&overrides.values)).collect();
    let profile = if in_file.is_some() { Profile::Configured } else { Profile::without_file(&settings) };
    settings.splice(0..0, in_file.unwrap_or_default());
    let missing = source::expand(&mut settings, &variables);

    let mut assembly = Assembly::new(profile.defaults());
    assembly.warnings = warnings;
    for (index, variable) in missing {
        assembly.miss(&settings[index], &variable);
    }
    assembly.apply(settings);
    check::whole(&mut assembly);
    let profile = profile.exposed_if(&assembly.config, overrides.insecure);
    profile.check_address(&mut assembly, overrides.insecure);

    let Assembly { config, warnings, problems, .. } = assembly;
    if problems.is_empty() {
        Ok(Loaded { config, warnings, profile, insecure_is_meant: overrides.insecure })
    } else {
        Err(ConfigError::Invalid { problems, warnings })
    }
}
