//! Puts settings into a [`Config`], and collects what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::centrifugo::{self, Fate};
use super::error::{Origin, Problem, Warning};
use super::keys::{self, List, WITHOUT_NAMESPACE};
use super::settings::{Config, DEFAULT_HOOK};
use super::slot;
use super::source::Setting;

/// A configuration in the making.
pub(super) struct Assembly {
    pub(super) config: Config,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
    /// Where the value that counts was written, by key.
    origins: BTreeMap<String, Origin>,
    /// Where everything else comes from.
    before: Origin,
}

impl Assembly {
    /// Begins with what is there without any setting.
    pub(super) fn new(config: Config) -> Self {
        let (warnings, problems) = (Vec::new(), Vec::new());
        Self { config, warnings, problems, origins: BTreeMap::new(), before: Origin::Default }
    }

    /// Begins with a configuration that is there already: lists of entries with names are added to.
    pub(super) fn on_top_of(config: Config) -> Self {
        Self { before: Origin::Program, ..Self::new(config) }
    }

    /// Takes settings, the later ones overriding the earlier.
    pub(super) fn apply(&mut self, settings: Vec<Setting>) {
        for setting in settings {
            if let Some(list) = List::at(&setting.path) {
                self.name_entries(list, &setting);
            } else if setting.value.is_null() && setting.path.ends_with("].name") {
                self.refuse(&setting, None, "each entry must have a name".into());
            } else {
                self.put(setting);
            }
        }
    }

    /// Reports a value that is wrong together with others.
    pub(super) fn complain(&mut self, key: &str, value: String, allowed: String) {
        let origin = self.origin(key);
        self.problems.push(Problem { key: key.into(), value: Some(value), origin, allowed });
    }

    /// The same for a value that must not be shown, or that is not there.
    pub(super) fn complain_unseen(&mut self, key: &str, allowed: String) {
        let origin = self.origin(key);
        self.problems.push(Problem { key: key.into(), value: None, origin, allowed });
    }

    pub(super) fn warn(&mut self, text: &str) {
        self.warnings.push(Warning(text.into()));
    }

    /// Warns about what a key says, with the place it came from.
    pub(super) fn warn_of(&mut self, key: &str, text: &str) {
        let origin = self.origin(key);
        self.warnings.push(Warning(format!("{key} ({origin}): {text}")));
    }

    /// Reports a variable that a value names and that is not there.
    pub(super) fn miss(&mut self, setting: &Setting, variable: &str) {
        self.refuse(setting, None, format!("the environment variable {variable} that it names is not set"));
    }

    /// Whether nobody has said what a key is.
    pub(super) fn is_default(&self, key: &str) -> bool {
        self.before == Origin::Default && !self.origins.contains_key(key)
    }

    fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_else(|| self.before.clone())
    }

    fn refuse(&mut self, setting: &Setting, value: Option<String>, allowed: String) {
        let Setting { path, origin, .. } = setting;
        self.problems.push(Problem { key: path.clone(), value, origin: origin.clone(), allowed });
    }

    fn put(&mut self, setting: Setting) {
        let Some(slot) = keys::slot(&mut self.config, &setting.path) else {
            return self.judge(&setting);
        };
        let hidden = slot.hides(&setting.value);
        match slot.set(&setting.value) {
            Ok(()) => {
                self.origins.insert(setting.path, setting.origin);
            }
            Err(accepted) => {
                let value = (!hidden).then(|| display(&setting.value));
                self.refuse(&setting, value, format!("must be {accepted}"));
            }
        }
    }

    /// The list of names says which entries there are. Where it is words, an entry that was there before keeps its
    /// options; a whole list takes the place of the earlier one.
    fn name_entries(&mut self, list: List, setting: &Setting) {
        let words = setting.value.is_string();
        // What begins like JSON and came here as words could not be read as JSON.
        let broken = |text: &str| text.trim_start().starts_with(['[', '{']);
        let names = slot::list(&setting.value).filter(|_| !setting.value.as_str().is_some_and(broken));
        let Some(names) = names else {
            let allowed =
                "must be a list, in a variable or flag as names separated by spaces or as JSON".into();
            return self.refuse(setting, None, allowed);
        };
        let mut seen = BTreeSet::new();
        for name in &names {
            let entry = list.entry();
            let complaint = if !is_entry_name(name) {
                format!("a {entry}'s name must be two or more of letters, digits, '-', '_' and '.'")
            } else if !seen.insert(name) {
                format!("each {entry}'s name must be used once")
            } else if list == List::Hooks && name == DEFAULT_HOOK {
                "this name means the hook of the section itself, such as channel.proxy.subscribe".into()
            } else {
                continue;
            };
            self.refuse(setting, Some(format!("{name:?}")), complaint);
        }
        let adds = self.before == Origin::Program;
        let there = if adds { list.names(&self.config) } else { Vec::new() };
        let there: Vec<String> = there.into_iter().map(str::to_owned).collect();
        let new: Vec<String> = names.into_iter().filter(|name| !there.contains(name)).collect();
        list.set(&mut self.config, there.into_iter().chain(new).collect(), words || adds);
        self.origins.insert(list.path().into(), setting.origin.clone());
    }

    /// What becomes of a key that is not carried out.
    fn judge(&mut self, setting: &Setting) {
        let Setting { path, value, origin } = setting;
        match self.fate(path) {
            Some(_) if centrifugo::is_off(value) => {}
            Some(Fate::Ignored(why)) => {
                self.warnings
                    .push(Warning(format!("{path} ({origin}) is not carried out and has no effect: {why}")));
            }
            Some(Fate::Stops { harmless, .. }) if value.as_str().is_some_and(|v| harmless.contains(&v)) => {}
            Some(Fate::Stops { possible, .. }) => {
                let value = (!centrifugo::is_secret(path)).then(|| display(value));
                self.refuse(setting, value, (*possible).into());
            }
            None => {
                let hint = similar(path).map(|key| format!("; did you mean {key}?")).unwrap_or_default();
                // A flag was typed by somebody who waits for its effect; a file may be shared with another server.
                if matches!(origin, Origin::Flag(_)) {
                    self.refuse(setting, None, format!("there is no such key{hint}"));
                } else {
                    self.warnings.push(Warning(format!(
                        "{path} ({origin}) is not a known key and has no effect{hint}"
                    )));
                }
            }
        }
    }

    fn fate(&self, path: &str) -> Option<&'static Fate> {
        if let Some((list, _, option)) = keys::entry(&self.config, path) {
            return match list {
                List::Channels => centrifugo::find_channel_option(option),
                List::Hooks => centrifugo::find_hook_option(option),
                List::Methods => None,
            };
        }
        if let Some(option) = keys::below(WITHOUT_NAMESPACE, path) {
            return centrifugo::find_channel_option(option);
        }
        match keys::hook_option(path) {
            Some(option) => centrifugo::find_hook_option(option),
            None => centrifugo::find(path),
        }
    }
}

/// A value as a person wrote it; lists and sections may hold anything, so they are not shown.
fn display(value: &Value) -> String {
    match value {
        Value::Array(_) => "(a list)".into(),
        Value::Object(_) => "(a section)".into(),
        value => value.to_string(),
    }
}

fn is_entry_name(name: &str) -> bool {
    name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The known key that a mistyped one was probably meant to be: the closest, if at most three letters differ.
fn similar(path: &str) -> Option<String> {
    let near = keys::paths().map(|key| (distance(path, &key), key)).min()?;
    (near.0 <= 3).then_some(near.1)
}

/// Levenshtein distance, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
