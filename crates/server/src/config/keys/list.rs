//! The lists whose entries have names: an entry's name is a step of the path of its options.

use crate::config::settings::{Config, Named};

/// A list of named entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum List {
    /// `channel.namespaces`.
    Channels,
    /// `rpc.namespaces`.
    Methods,
    /// `proxies`.
    Hooks,
}

/// All of them.
pub(in crate::config) const LISTS: [List; 3] = [List::Channels, List::Methods, List::Hooks];

impl List {
    /// The list of a path.
    pub(in crate::config) fn at(path: &str) -> Option<Self> {
        LISTS.into_iter().find(|list| list.path() == path)
    }

    pub(in crate::config) const fn path(self) -> &'static str {
        match self {
            List::Channels => "channel.namespaces",
            List::Methods => "rpc.namespaces",
            List::Hooks => "proxies",
        }
    }

    /// What an entry is called in a message.
    pub(in crate::config) const fn entry(self) -> &'static str {
        match self {
            List::Channels | List::Methods => "namespace",
            List::Hooks => "hook",
        }
    }

    /// The names of the entries, in their order.
    pub(in crate::config) fn names(self, config: &Config) -> Vec<&str> {
        match self {
            List::Channels => names(&config.channel.namespaces),
            List::Methods => names(&config.rpc.namespaces),
            List::Hooks => names(&config.proxies),
        }
    }

    /// Makes the list consist of these names. An entry that was there before keeps its options if `keep` says so.
    pub(in crate::config) fn set(self, config: &mut Config, new: Vec<String>, keep: bool) {
        match self {
            List::Channels => rename(&mut config.channel.namespaces, new, keep),
            List::Methods => rename(&mut config.rpc.namespaces, new, keep),
            List::Hooks => rename(&mut config.proxies, new, keep),
        }
    }
}

fn names<T>(entries: &[Named<T>]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn rename<T: Default>(entries: &mut Vec<Named<T>>, new: Vec<String>, keep: bool) {
    let mut before = std::mem::take(entries);
    for name in new {
        let kept = before.iter().position(|entry| keep && entry.name == name);
        let settings = kept.map_or_else(T::default, |index| before.swap_remove(index).settings);
        entries.push(Named { name, settings });
    }
}
