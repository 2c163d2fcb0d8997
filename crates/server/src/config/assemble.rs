//! Puts settings into a [`Config`], and checks what only the whole can show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::centrifugo::{self, Fate};
use super::error::{Origin, Problem, Warning};
use super::settings::{ChannelSettings, Config, Namespace};
use super::slot::{self, Slot};
use super::source::{NAMESPACES, Setting, WITHOUT_NAMESPACE};
use super::{duration, keys};

/// A configuration in the making.
pub(super) struct Assembly {
    pub(super) config: Config,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
    /// Where the value that counts was written, by key.
    origins: BTreeMap<String, Origin>,
}

impl Assembly {
    /// Begins with what is there without any setting.
    pub(super) fn new(config: Config) -> Self {
        Self { config, warnings: Vec::new(), problems: Vec::new(), origins: BTreeMap::new() }
    }

    /// Takes settings, the later ones overriding the earlier.
    pub(super) fn apply(&mut self, settings: Vec<Setting>) {
        for setting in settings {
            if let Some(key) = keys::find(&setting.path) {
                self.put(|config| Some((key.slot)(config)), setting);
            } else if setting.path == NAMESPACES {
                self.name_namespaces(&setting);
            } else if setting.path.starts_with(WITHOUT_NAMESPACE) || setting.path.starts_with(NAMESPACES) {
                self.put_channel_option(setting);
            } else {
                self.judge(centrifugo::find(&setting.path), &setting);
            }
        }
    }

    /// Checks that values fit together, and reports each that does not with the place it came from.
    pub(super) fn check(&mut self) {
        let config = self.config.clone();
        if config.client.pong_timeout >= config.client.ping_interval {
            let allowed = format!(
                "must be shorter than client.ping_interval, which is {}",
                duration::display(config.client.ping_interval)
            );
            self.complain("client.pong_timeout", duration::display(config.client.pong_timeout), allowed);
        }
        self.check_paths(&config);
        self.check_channel_names(&config);
        self.check_channel(WITHOUT_NAMESPACE, &config.channel.without_namespace);
        for namespace in &config.channel.namespaces {
            self.check_channel(&format!("{NAMESPACES}.{}", namespace.name), &namespace.settings);
        }
        if config.http_api.key.is_empty() && !config.http_api.insecure && !config.http_api.disabled {
            self.warn("http_api.key is not set, so every call of the HTTP API will be answered 401");
        }
    }

    /// Reports a value that is wrong together with others.
    pub(super) fn complain(&mut self, key: &str, value: String, allowed: String) {
        let origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
        self.problems.push(Problem { key: key.into(), value: Some(value), origin, allowed });
    }

    pub(super) fn warn(&mut self, text: &str) {
        self.warnings.push(Warning(text.into()));
    }

    fn put(&mut self, slot: impl Fn(&mut Config) -> Option<Slot<'_>>, setting: Setting) {
        let Some(slot) = slot(&mut self.config) else { return };
        let secret = matches!(slot, Slot::Secret(_));
        match slot.set(&setting.value) {
            Ok(()) => {
                self.origins.insert(setting.path, setting.origin);
            }
            Err(accepted) => self.problems.push(Problem {
                value: (!secret).then(|| display(&setting.value)),
                key: setting.path,
                origin: setting.origin,
                allowed: format!("must be {accepted}"),
            }),
        }
    }

    /// The list of names says which namespaces there are; one that was there before keeps its options.
    fn name_namespaces(&mut self, setting: &Setting) {
        let mut before = std::mem::take(&mut self.config.channel.namespaces);
        let mut seen = BTreeSet::new();
        for name in slot::list(&setting.value).unwrap_or_default() {
            let complaint = if !is_namespace_name(&name) {
                Some("a namespace's name must be two or more of letters, digits, '-', '_' and '.'")
            } else if !seen.insert(name.clone()) {
                Some("each namespace's name must be used once")
            } else {
                None
            };
            if let Some(allowed) = complaint {
                self.problems.push(Problem {
                    key: NAMESPACES.into(),
                    value: Some(format!("{name:?}")),
                    origin: setting.origin.clone(),
                    allowed: allowed.into(),
                });
            }
            let kept = before.iter().position(|namespace| namespace.name == name);
            let settings =
                kept.map_or_else(ChannelSettings::default, |index| before.swap_remove(index).settings);
            self.config.channel.namespaces.push(Namespace { name, settings });
        }
        self.origins.insert(NAMESPACES.into(), setting.origin.clone());
    }

    fn put_channel_option(&mut self, setting: Setting) {
        // A namespace's name may contain dots, an option that is carried out does not: so from the end.
        let known = setting
            .path
            .rsplit_once('.')
            .and_then(|(section, name)| keys::find_channel_key(name).map(|key| (section.to_owned(), key)));
        match known {
            Some((section, key)) if section == WITHOUT_NAMESPACE => {
                self.put(|config| Some((key.slot)(&mut config.channel.without_namespace)), setting);
            }
            Some((section, key)) => {
                let index = self.namespace(&section);
                match index {
                    Some(index) => self.put(
                        |config| Some((key.slot)(&mut config.channel.namespaces.get_mut(index)?.settings)),
                        setting,
                    ),
                    None => self.judge(None, &setting),
                }
            }
            None if setting.value.is_null() && setting.path.ends_with("].name") => {
                self.problems.push(Problem {
                    key: setting.path,
                    value: None,
                    origin: setting.origin,
                    allowed: "each namespace must have a name".into(),
                });
            }
            None => {
                let option = setting.path.strip_prefix(WITHOUT_NAMESPACE).map(str::to_owned).or_else(|| {
                    let below = setting.path.strip_prefix(NAMESPACES)?.strip_prefix('.')?;
                    let namespaces = &self.config.channel.namespaces;
                    namespaces
                        .iter()
                        .find_map(|namespace| below.strip_prefix(&namespace.name).map(str::to_owned))
                });
                let option =
                    option.as_deref().and_then(|option| option.strip_prefix('.')).unwrap_or_default();
                self.judge(centrifugo::find_channel_option(option), &setting);
            }
        }
    }

    fn namespace(&self, section: &str) -> Option<usize> {
        let name = section.strip_prefix(NAMESPACES)?.strip_prefix('.')?;
        self.config.channel.namespaces.iter().position(|namespace| namespace.name == name)
    }

    /// What becomes of a key that is not carried out.
    fn judge(&mut self, fate: Option<&Fate>, setting: &Setting) {
        let Setting { path, value, origin } = setting;
        match fate {
            Some(_) if centrifugo::is_off(value) => {}
            Some(Fate::Ignored(why)) => {
                self.warnings
                    .push(Warning(format!("{path} ({origin}) is not carried out and has no effect: {why}")));
            }
            Some(Fate::Stops { harmless, .. }) if value.as_str().is_some_and(|v| harmless.contains(&v)) => {}
            Some(Fate::Stops { possible, .. }) => self.problems.push(Problem {
                key: path.clone(),
                value: (!centrifugo::is_secret(path)).then(|| display(value)),
                origin: origin.clone(),
                allowed: (*possible).into(),
            }),
            None => {
                let hint = similar(path).map(|key| format!("; did you mean {key}?")).unwrap_or_default();
                // A flag was typed by somebody who waits for its effect; a file may be shared with another server.
                if matches!(origin, Origin::Flag(_)) {
                    self.problems.push(Problem {
                        key: path.clone(),
                        value: None,
                        origin: origin.clone(),
                        allowed: format!("there is no such key{hint}"),
                    });
                } else {
                    self.warnings.push(Warning(format!(
                        "{path} ({origin}) is not a known key and has no effect{hint}"
                    )));
                }
            }
        }
    }

    fn check_paths(&mut self, config: &Config) {
        let paths = [
            ("websocket.handler_prefix", &config.websocket.handler_prefix, !config.websocket.disabled),
            ("http_api.handler_prefix", &config.http_api.handler_prefix, !config.http_api.disabled),
            ("health.handler_prefix", &config.health.handler_prefix, config.health.enabled),
        ];
        let mut used: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, path, _) in paths.into_iter().filter(|(.., served)| *served) {
            if let Some(other) = used.insert(path, key) {
                self.complain(key, format!("{path:?}"), format!("is the path of {other} already"));
            }
        }
    }

    fn check_channel_names(&mut self, config: &Config) {
        let channel = &config.channel;
        let marks = [
            ("channel.private_prefix", &channel.private_prefix),
            ("channel.namespace_boundary", &channel.namespace_boundary),
            ("channel.user_boundary", &channel.user_boundary),
        ];
        let mut used: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, mark) in marks.into_iter().filter(|(_, mark)| !mark.is_empty()) {
            if let Some(other) = used.insert(mark, key) {
                self.complain(key, format!("{mark:?}"), format!("is used by {other} already"));
            }
        }
    }

    /// History needs a size and a time; positions and recovery need history.
    fn check_channel(&mut self, section: &str, settings: &ChannelSettings) {
        let key = |name: &str| format!("{section}.{name}");
        let has_history = settings.history_size > 0 && !settings.history_ttl.is_zero();
        if settings.history_size > 0 && settings.history_ttl.is_zero() {
            let allowed = "needs history_ttl as well, such as \"300s\"".into();
            self.complain(&key("history_size"), settings.history_size.to_string(), allowed);
        }
        if settings.history_size == 0 && !settings.history_ttl.is_zero() {
            let allowed = "needs history_size as well, such as 100".into();
            self.complain(&key("history_ttl"), duration::display(settings.history_ttl), allowed);
        }
        for (name, on) in
            [("force_recovery", settings.force_recovery), ("allow_recovery", settings.allow_recovery)]
        {
            if on && !has_history {
                let allowed = "recovery needs history: set history_size and history_ttl as well".into();
                self.complain(&key(name), "true".into(), allowed);
            }
        }
        let own_meta = !settings.history_meta_ttl.is_zero();
        let meta_ttl =
            if own_meta { settings.history_meta_ttl } else { self.config.channel.history_meta_ttl };
        if has_history && meta_ttl < settings.history_ttl.max(Duration::from_secs(1)) {
            let meta_key = if own_meta { key("history_meta_ttl") } else { "channel.history_meta_ttl".into() };
            let allowed = format!(
                "must not be shorter than {}, which is {}",
                key("history_ttl"),
                duration::display(settings.history_ttl)
            );
            self.complain(&meta_key, duration::display(meta_ttl), allowed);
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

fn is_namespace_name(name: &str) -> bool {
    name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The known key that a mistyped one was probably meant to be: the closest, if at most three letters differ.
fn similar(path: &str) -> Option<&'static str> {
    let near = keys::KEYS.iter().map(|key| (distance(path, key.path), key.path)).min()?;
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
