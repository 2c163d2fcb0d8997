//! A text of the program around the server, on top of a configuration that is there already.

use super::assemble::Assembly;
use super::settings::Config;
use super::source::{self, Format};
use super::{ConfigError, Warning, check};

impl Config {
    /// Sets what a text says, in the words of a configuration file, on top of what there is: for a program that brings
    /// namespaces and hooks of its own along.
    ///
    /// A key that the text names takes its value, any other stays. Entries of lists whose entries have names
    /// (`channel.namespaces`, `rpc.namespaces`, `proxies`) are added to those that are there; an entry whose name is there
    /// already is changed in what the text says of it. `${WAVECAST_VAR_…}` in headers stands for a variable of the
    /// process, as in a file.
    ///
    /// ```
    /// use wavecast_server::config::{Config, ConfigError, Format};
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let mut config = Config::default();
    /// let warnings = config.extend_from_str(
    ///     r#"{
    ///         "channel": {
    ///             "namespaces": [{"name": "chat", "presence": true, "publish_proxy_enabled": true}],
    ///             "proxy": {"publish": {"endpoint": "handler:"}}
    ///         }
    ///     }"#,
    ///     Format::Json,
    /// )?;
    /// assert!(warnings.is_empty() && config.channel.namespaces[0].settings.presence);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What comes back are the warnings that the text brings with it, such as a key that nobody knows; those that were there
    /// before are not said again.
    ///
    /// # Errors
    /// [`ConfigError::Text`] for what cannot be read, [`ConfigError::Invalid`] with every value that is wrong, or does not fit
    /// together with what there is. The configuration is as it was then.
    pub fn extend_from_str(&mut self, text: &str, format: Format) -> Result<Vec<Warning>, ConfigError> {
        let mut settings = source::text(format, text)?;
        let missing = source::expand(&mut settings, &source::variables().collect::<Vec<_>>());
        let mut before = Assembly::on_top_of(self.clone());
        check::whole(&mut before);

        let mut assembly = Assembly::on_top_of(self.clone());
        for (index, variable) in missing {
            assembly.miss(&settings[index], &variable);
        }
        assembly.apply(settings);
        check::whole(&mut assembly);
        let Assembly { config, mut warnings, mut problems, .. } = assembly;
        warnings.retain(|warning| !before.warnings.contains(warning));
        problems.retain(|problem| !before.problems.contains(problem));
        if !problems.is_empty() {
            return Err(ConfigError::Invalid { problems, warnings });
        }
        *self = config;
        Ok(warnings)
    }
}
