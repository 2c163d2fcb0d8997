//! A configuration read anew while a server runs with another: what of it is carried out, and what waits for the next start.

use super::assemble::Assembly;
use super::error::ConfigError;
use super::keys::{self, LISTS, List};
use super::load::Loaded;
use super::settings::Config;
use super::{check, settings};

/// What a reload comes to.
#[derive(Debug, Clone)]
pub struct Change {
    /// What holds from now on.
    pub(crate) config: Config,
    /// Keys whose new values are carried out, in the order of the reference.
    pub taken: Vec<String>,
    /// Keys whose new values count from the next start on.
    pub left: Vec<String>,
}

impl Config {
    /// What changes where this was loaded anew. Values of keys that a reload does not carry out stay as they are.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when what is carried out does not fit together with what stays; above all when it would let
    /// everybody in at an address that stays.
    pub(crate) fn changed_by(&self, loaded: &Loaded) -> Result<Change, ConfigError> {
        let (mut config, mut new) = (self.clone(), loaded.config.clone());
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for path in keys::paths() {
            let (Some(place), Some(value)) = (keys::slot(&mut config, &path), keys::slot(&mut new, &path))
            else {
                continue;
            };
            if place == value {
                continue;
            }
            if keys::is_reloaded(&path) {
                place.take(value);
                taken.push(path);
            } else {
                left.push(path);
            }
        }
        // Entries of lists have names, and stand in no table of keys.
        for list in LISTS {
            if list.take(&mut config, &mut new) {
                taken.push(list.path().into());
            }
        }
        let mut assembly = Assembly::on_top_of(config);
        check::whole(&mut assembly);
        loaded.profile.check_address(&mut assembly, loaded.insecure_is_meant);
        let Assembly { config, warnings, problems, .. } = assembly;
        if problems.is_empty() {
            Ok(Change { config, taken, left })
        } else {
            Err(ConfigError::Invalid { problems, warnings })
        }
    }
}

impl List {
    /// Takes the list of another configuration; says whether that changes anything.
    fn take(self, config: &mut Config, new: &mut Config) -> bool {
        match self {
            List::Channels => exchange(&mut config.channel.namespaces, &mut new.channel.namespaces),
            List::Methods => exchange(&mut config.rpc.namespaces, &mut new.rpc.namespaces),
            List::Hooks => exchange(&mut config.proxies, &mut new.proxies),
        }
    }
}

fn exchange<T: PartialEq>(entries: &mut Vec<settings::Named<T>>, new: &mut Vec<settings::Named<T>>) -> bool {
    let changes = entries != new;
    std::mem::swap(entries, new);
    changes
}
