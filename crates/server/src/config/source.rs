//! Where settings come from: a file, the environment, flags. Each becomes a list of key, value and origin.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::{ConfigError, Origin, Warning};
use super::keys::{LISTS, List, WITHOUT_NAMESPACE, variable};
use super::{centrifugo, keys};

/// One value as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// The key's path; below a list such as `channel.namespaces` the entry's name is one step of it.
    pub(super) path: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// TOML 1.0.
    Toml,
    /// YAML 1.2, one document.
    Yaml,
}

/// Prefixes of environment variables; the later wins.
const PREFIXES: [&str; 2] = ["CENTRIFUGO_", "WAVECAST_"];
/// Variables with our prefix that belong to the program and not to the configuration.
const OF_THE_PROGRAM: [&str; 5] =
    ["WAVECAST_API_KEY", "WAVECAST_CONFIG", "WAVECAST_TOKEN", "WAVECAST_URL", "WAVECAST_WEB"];

/// Reads a file: TOML, YAML or JSON, as its extension says.
pub(super) fn file(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let format = match extension.as_deref() {
        Some("toml") => Format::Toml,
        Some("yaml" | "yml") => Format::Yaml,
        Some("json") => Format::Json,
        _ => return Err(ConfigError::Format { path: path.into() }),
    };
    let origin = Origin::File(path.into());
    text_of(format, &text, &origin).map_err(|message| ConfigError::Syntax { path: path.into(), message })
}

/// Reads a text that the program has.
pub(super) fn text(format: Format, text: &str) -> Result<Vec<Setting>, ConfigError> {
    text_of(format, text, &Origin::Program).map_err(|message| ConfigError::Text { message })
}

/// The settings of a text, or what is wrong with it, and where.
fn text_of(format: Format, text: &str, origin: &Origin) -> Result<Vec<Setting>, String> {
    let tree: Value = match format {
        Format::Toml => toml::from_str(text).map_err(|error| of_toml(&error, text)),
        Format::Yaml => yaml_serde::from_str(text).map_err(|error| of_yaml(&error)),
        Format::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
    }?;
    let mut settings = Vec::new();
    match tree {
        // An empty YAML file is nothing at all.
        Value::Null => {}
        tree @ Value::Object(_) => flatten("", tree, origin, &mut settings),
        _ => return Err("it must hold sections and keys at its top".into()),
    }
    Ok(settings)
}

/// What is wrong, and where. The error's own text has the line as well, which may hold a secret.
fn of_toml(error: &toml::de::Error, text: &str) -> String {
    let place = error.span().map(|span| {
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        format!(" at line {line} column {column}")
    });
    format!("{}{}", error.message(), place.unwrap_or_default())
}

/// The same. What is wrong with the syntax is said in fixed words, what is wrong with a value shows it.
fn of_yaml(error: &yaml_serde::Error) -> String {
    let said = error.to_string();
    if !["invalid type", "invalid value"].iter().any(|data| said.contains(data)) {
        return said;
    }
    let place = error.location().map(|at| format!(" at line {} column {}", at.line(), at.column()));
    format!("a key or a value of a kind that is not taken{}", place.unwrap_or_default())
}

/// The process's environment. A variable that is not Unicode is none of ours: every key and every value we take is.
pub(super) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads the environment, given the entries that the file names: their options may stand in variables, too. Names are
/// looked up among the known keys, since both paths and keys contain `_`. An empty variable counts as none.
pub(super) fn environment(
    variables: &[(String, String)],
    in_file: &[Setting],
) -> (Vec<Setting>, Vec<Warning>) {
    let mut found: BTreeMap<(usize, &str), &str> = BTreeMap::new();
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        let prefix = PREFIXES.iter().position(|prefix| name.starts_with(prefix));
        if let Some(prefix) = prefix.filter(|_| !OF_THE_PROGRAM.contains(&name.as_str())) {
            found.insert((prefix, name), value);
        }
    }
    let mut settings = Vec::new();
    let mut warnings = Vec::new();
    // An entry's options are named after it, so the lists are needed first.
    for ((prefix, name), value) in &found {
        let rest = &name[PREFIXES[*prefix].len()..];
        if let Some(list) = LISTS.into_iter().find(|list| variable(list.path()) == rest) {
            read_text(list.path(), value, &Origin::Variable((*name).to_owned()), &mut settings);
        }
    }
    let names = entry_names(in_file.iter().chain(&settings));
    for ((prefix, name), value) in found {
        let rest = &name[PREFIXES[prefix].len()..];
        let is_list = LISTS.into_iter().any(|list| variable(list.path()) == rest);
        if is_list || rest.starts_with(FOR_VALUES) || is_service_link(rest) {
            continue;
        }
        match key_of_variable(rest, &names) {
            Some(path) => read_text(&path, value, &Origin::Variable(name.to_owned()), &mut settings),
            None => warnings
                .push(Warning(format!("environment variable {name} names no known key and has no effect"))),
        }
    }
    (settings, warnings)
}

/// Flags as the command line gives them: key and text.
pub(super) fn flags(values: &[(String, String)]) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (key, value) in values {
        read_text(key, value, &Origin::Flag(key.clone()), &mut settings);
    }
    settings
}

/// Puts the values of variables where headers name them as `${CENTRIFUGO_VAR_…}` or `${WAVECAST_VAR_…}`: so a file need
/// not hold a secret. Gives back the settings whose variable is not there.
pub(super) fn expand(settings: &mut [Setting], variables: &[(String, String)]) -> Vec<(usize, String)> {
    let mut missing = Vec::new();
    for (index, setting) in
        settings.iter_mut().enumerate().filter(|(_, setting)| holds_headers(&setting.path))
    {
        expand_value(&mut setting.value, variables, &mut |name| missing.push((index, name.to_owned())));
    }
    missing
}

/// The rest of the names of variables that hold no key but something for [`expand`].
const FOR_VALUES: &str = "VAR_";

fn expand_value(value: &mut Value, variables: &[(String, String)], missing: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => *text = expand_text(text, variables, missing),
        Value::Array(items) => items.iter_mut().for_each(|item| expand_value(item, variables, missing)),
        Value::Object(entries) => {
            entries.values_mut().for_each(|entry| expand_value(entry, variables, missing));
        }
        _ => {}
    }
}

fn expand_text(text: &str, variables: &[(String, String)], missing: &mut impl FnMut(&str)) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        let is_ours = PREFIXES.iter().any(|prefix| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.len() > FOR_VALUES.len() && rest.starts_with(FOR_VALUES))
        });
        out.push_str(&rest[..start]);
        match variables.iter().find(|(known, _)| is_ours && known == name) {
            Some((_, value)) => out.push_str(value),
            None => {
                if is_ours {
                    missing(name);
                }
                out.push_str(&rest[start..=start + length]);
            }
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

/// A value that came as text. Lists of entries and what holds headers or transforms may be JSON there.
fn read_text(path: &str, text: &str, origin: &Origin, settings: &mut Vec<Setting>) {
    let takes_json =
        List::at(path).is_some() || holds_headers(path) || path.ends_with(".status_to_code_transforms");
    let json = text.trim_start().starts_with(['[', '{']).then(|| serde_json::from_str::<Value>(text).ok());
    match json.flatten().filter(|_| takes_json) {
        Some(tree) => flatten(path, tree, origin, settings),
        None => settings.push(Setting {
            path: path.to_owned(),
            value: Value::String(text.to_owned()),
            origin: origin.clone(),
        }),
    }
}

/// Splits a tree into its leaves; a list of entries becomes the list of their names and the options of each.
pub(super) fn flatten(prefix: &str, tree: Value, origin: &Origin, settings: &mut Vec<Setting>) {
    match tree {
        Value::Null => {}
        Value::Object(entries) if !holds_headers(prefix) && List::at(prefix).is_none() => {
            for (name, value) in entries {
                let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(&path, value, origin, settings);
            }
        }
        Value::Array(entries) if List::at(prefix).is_some() => {
            flatten_entries(prefix, entries, origin, settings);
        }
        value => settings.push(Setting { path: prefix.into(), value, origin: origin.clone() }),
    }
}

fn flatten_entries(list: &str, entries: Vec<Value>, origin: &Origin, settings: &mut Vec<Setting>) {
    let mut names = Vec::new();
    let mut options = Vec::new();
    for (index, mut entry) in entries.into_iter().enumerate() {
        match entry.as_object_mut().and_then(|entry| entry.remove("name")) {
            Some(Value::String(name)) => {
                flatten(&format!("{list}.{name}"), entry, origin, &mut options);
                names.push(Value::String(name));
            }
            // Kept as it is, so that it is reported as an entry without a name.
            _ => settings.push(Setting {
                path: format!("{list}[{index}].name"),
                value: Value::Null,
                origin: origin.clone(),
            }),
        }
    }
    settings.push(Setting { path: list.into(), value: Value::Array(names), origin: origin.clone() });
    settings.append(&mut options);
}

/// Whether a key holds names and values of headers: its names are no keys.
fn holds_headers(path: &str) -> bool {
    path.ends_with(".http.static_headers") || path.ends_with(".grpc.static_metadata")
}

/// The entries of lists that settings name, the longest first: of `A_B` and `A`, the longest that fits is meant.
fn entry_names<'s>(settings: impl Iterator<Item = &'s Setting>) -> Vec<(List, String)> {
    let mut names: Vec<(List, String)> = settings
        .filter_map(|setting| Some((List::at(&setting.path)?, super::slot::list(&setting.value)?)))
        .flat_map(|(list, names)| names.into_iter().map(move |name| (list, name)))
        .collect();
    names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    names
}

fn key_of_variable(rest: &str, entries: &[(List, String)]) -> Option<String> {
    if let Some(path) = keys::paths().find(|path| variable(path) == rest) {
        return Some(path);
    }
    let below = |section: &str| rest.strip_prefix(&variable(section))?.strip_prefix('_');
    let in_entry = |(list, name): &(List, String)| {
        let section = format!("{}.{name}", list.path());
        let option = below(&section)?;
        let known = keys::options(*list).into_iter().find(|known| variable(known) == option);
        let option = known.map(str::to_owned).or_else(|| match list {
            List::Channels => centrifugo::find_channel_variable(option),
            List::Hooks => centrifugo::find_hook_variable(option),
            List::Methods => None,
        })?;
        Some(format!("{section}.{option}"))
    };
    let in_section = |section: &str, find: fn(&str) -> Option<String>| {
        Some(format!("{section}.{}", find(below(section)?)?))
    };
    entries
        .iter()
        .find_map(in_entry)
        .or_else(|| in_section(WITHOUT_NAMESPACE, centrifugo::find_channel_variable))
        .or_else(|| {
            keys::hook_sections().find_map(|section| in_section(section, centrifugo::find_hook_variable))
        })
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
