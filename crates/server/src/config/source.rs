//! Where settings come from: a file, the environment, flags. Each becomes a list of key, value and origin.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::{ConfigError, Origin, Warning};
use super::keys::variable;
use super::{centrifugo, keys};

/// One value as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// The key's path; below `channel.namespaces` the namespace's name is one step of it.
    pub(super) path: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The list of namespaces, whose options are settings below it.
pub(super) const NAMESPACES: &str = "channel.namespaces";
/// The section of channels without a namespace.
pub(super) const WITHOUT_NAMESPACE: &str = "channel.without_namespace";

/// Prefixes of environment variables; the later wins.
const PREFIXES: [&str; 2] = ["CENTRIFUGO_", "WAVECAST_"];
/// Variables with our prefix that belong to the program and not to the configuration.
const OF_THE_PROGRAM: [&str; 5] =
    ["WAVECAST_API_KEY", "WAVECAST_CONFIG", "WAVECAST_TOKEN", "WAVECAST_URL", "WAVECAST_WEB"];

/// Reads a file: TOML, YAML or JSON, as its extension says.
pub(super) fn file(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let tree: Result<Value, String> = match extension.as_deref() {
        Some("toml") => toml::from_str(&text).map_err(|error| error.to_string()),
        Some("yaml" | "yml") => yaml_serde::from_str(&text).map_err(|error| error.to_string()),
        Some("json") => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => return Err(ConfigError::Format { path: path.into() }),
    };
    let syntax = |message| ConfigError::Syntax { path: path.into(), message };
    let mut settings = Vec::new();
    match tree.map_err(syntax)? {
        // An empty YAML file is nothing at all.
        Value::Null => {}
        tree @ Value::Object(_) => flatten("", tree, &Origin::File(path.into()), &mut settings),
        _ => return Err(syntax("it must hold sections and keys at its top".into())),
    }
    Ok(settings)
}

/// Reads the environment. Names are looked up among the known keys, since both paths and keys contain `_`.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> (Vec<Setting>, Vec<Warning>) {
    let mut found: BTreeMap<(usize, String), String> = BTreeMap::new();
    for (name, value) in variables {
        let prefix = PREFIXES.iter().position(|prefix| name.starts_with(prefix));
        if let Some(prefix) = prefix.filter(|_| !OF_THE_PROGRAM.contains(&name.as_str())) {
            found.insert((prefix, name), value);
        }
    }
    // A namespace's options are named after it, so the list of namespaces is needed first.
    let mut settings = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for ((prefix, variable_name), value) in &found {
        if variable_name[PREFIXES[*prefix].len()..] == variable(NAMESPACES) {
            names.extend(value.split_whitespace().map(str::to_owned));
            settings.push(Setting {
                path: NAMESPACES.into(),
                value: Value::String(value.clone()),
                origin: Origin::Variable(variable_name.clone()),
            });
        }
    }
    // `A_B` before `A`: the longest name that fits is meant.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut warnings = Vec::new();
    for ((prefix, variable_name), value) in found {
        let rest = &variable_name[PREFIXES[prefix].len()..];
        if rest == variable(NAMESPACES) || is_service_link(rest) {
            continue;
        }
        match key_of_variable(rest, &names) {
            Some(path) => settings.push(Setting {
                path,
                value: Value::String(value),
                origin: Origin::Variable(variable_name),
            }),
            None => warnings.push(Warning(format!(
                "environment variable {variable_name} names no known key and has no effect"
            ))),
        }
    }
    (settings, warnings)
}

/// Flags as the command line gives them: key and text.
pub(super) fn flags(values: &[(String, String)]) -> Vec<Setting> {
    values
        .iter()
        .map(|(key, value)| Setting {
            path: key.clone(),
            value: Value::String(value.clone()),
            origin: Origin::Flag(key.clone()),
        })
        .collect()
}

/// Splits a tree into its leaves; a list of namespaces becomes the list of names and the options of each.
fn flatten(prefix: &str, tree: Value, origin: &Origin, settings: &mut Vec<Setting>) {
    match tree {
        Value::Null => {}
        Value::Object(entries) => {
            for (name, value) in entries {
                let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(&path, value, origin, settings);
            }
        }
        Value::Array(entries) if prefix == NAMESPACES => flatten_namespaces(entries, origin, settings),
        value => settings.push(Setting { path: prefix.into(), value, origin: origin.clone() }),
    }
}

fn flatten_namespaces(entries: Vec<Value>, origin: &Origin, settings: &mut Vec<Setting>) {
    let mut names = Vec::new();
    let mut options = Vec::new();
    for (index, mut entry) in entries.into_iter().enumerate() {
        match entry.as_object_mut().and_then(|entry| entry.remove("name")) {
            Some(Value::String(name)) => {
                flatten(&format!("{NAMESPACES}.{name}"), entry, origin, &mut options);
                names.push(Value::String(name));
            }
            // Kept as it is, so that it is reported as an entry without a name.
            _ => settings.push(Setting {
                path: format!("{NAMESPACES}[{index}].name"),
                value: Value::Null,
                origin: origin.clone(),
            }),
        }
    }
    settings.push(Setting { path: NAMESPACES.into(), value: Value::Array(names), origin: origin.clone() });
    settings.append(&mut options);
}

fn key_of_variable(rest: &str, namespaces: &[String]) -> Option<String> {
    if let Some(key) = keys::KEYS.iter().find(|key| variable(key.path) == rest) {
        return Some(key.path.to_owned());
    }
    let option = |section: &str| {
        let name = rest.strip_prefix(&variable(section))?.strip_prefix('_')?;
        let known = keys::CHANNEL_KEYS.iter().find(|key| variable(key.name) == name);
        let option =
            known.map(|key| key.name.to_owned()).or_else(|| centrifugo::find_channel_variable(name))?;
        Some(format!("{section}.{option}"))
    };
    option(WITHOUT_NAMESPACE)
        .or_else(|| namespaces.iter().find_map(|name| option(&format!("{NAMESPACES}.{name}"))))
        .or_else(|| centrifugo::find_variable(rest))
}

/// Kubernetes gives each pod variables for every service: one called `wavecast` makes `WAVECAST_SERVICE_HOST`,
/// `WAVECAST_PORT`, `WAVECAST_PORT_8000_TCP_ADDR`… They are nobody's configuration.
fn is_service_link(rest: &str) -> bool {
    let port = rest.strip_prefix("PORT").unwrap_or("-");
    rest.starts_with("SERVICE_HOST")
        || rest.starts_with("SERVICE_PORT")
        || port.is_empty()
        || port.starts_with('_') && ["_TCP", "_UDP"].iter().any(|transport| port.contains(transport))
}
