//! The options of one namespace: which need others, and which exclude each other.

use std::time::Duration;

use crate::config::assemble::Assembly;
use crate::config::duration;
use crate::config::settings::{ChannelSettings, Config};

pub(super) fn check(assembly: &mut Assembly, config: &Config, section: &str, settings: &ChannelSettings) {
    check_history(assembly, config, section, settings);
    check_recovery(assembly, section, settings);
    let key = |name: &str| format!("{section}.{name}");
    if settings.force_push_join_leave && !settings.join_leave {
        assembly.warn_of(&key("force_push_join_leave"), "has no effect without join_leave");
    }
    if settings.delta_publish && settings.allowed_delta_types.is_empty() {
        assembly.warn_of(&key("delta_publish"), "has no effect without allowed_delta_types = [\"fossil\"]");
    }
    if !settings.is_offered() {
        let text = format!(
            "{:?} is not offered: who subscribes to channels of this namespace gets error 108",
            settings.subscription_type
        );
        assembly.warn_of(&key("subscription_type"), &text);
    }
}

/// History needs a size and a time, and a position that lives as long.
fn check_history(assembly: &mut Assembly, config: &Config, section: &str, settings: &ChannelSettings) {
    let key = |name: &str| format!("{section}.{name}");
    if settings.history_size > 0 && settings.history_ttl.is_zero() {
        let allowed = "needs history_ttl as well, such as \"300s\"".into();
        assembly.complain(&key("history_size"), settings.history_size.to_string(), allowed);
    }
    if settings.history_size == 0 && !settings.history_ttl.is_zero() {
        let allowed = "needs history_size as well, such as 100".into();
        assembly.complain(&key("history_ttl"), duration::display(settings.history_ttl), allowed);
    }
    let own_meta = !settings.history_meta_ttl.is_zero();
    let meta_ttl = if own_meta { settings.history_meta_ttl } else { config.channel.history_meta_ttl };
    if has_history(settings) && meta_ttl < settings.history_ttl.max(Duration::from_secs(1)) {
        let meta_key = if own_meta { key("history_meta_ttl") } else { "channel.history_meta_ttl".into() };
        let allowed = format!(
            "must not be shorter than {}, which is {}",
            key("history_ttl"),
            duration::display(settings.history_ttl)
        );
        assembly.complain(&meta_key, duration::display(meta_ttl), allowed);
    }
}

/// Recovery needs history; the cache needs recovery; who drops without a word must promise nothing.
fn check_recovery(assembly: &mut Assembly, section: &str, settings: &ChannelSettings) {
    let key = |name: &str| format!("{section}.{name}");
    let positions = [
        ("force_recovery", settings.force_recovery),
        ("allow_recovery", settings.allow_recovery),
        ("force_positioning", settings.force_positioning),
        ("allow_positioning", settings.allow_positioning),
    ];
    for (name, on) in &positions[..2] {
        if *on && !has_history(settings) {
            let allowed = "recovery needs history: set history_size and history_ttl as well".into();
            assembly.complain(&key(name), "true".into(), allowed);
        }
    }
    if settings.auto_cache_recover && !(settings.force_recovery && settings.force_recovery_mode == "cache") {
        let allowed = "needs force_recovery, and force_recovery_mode = \"cache\"".into();
        assembly.complain(&key("auto_cache_recover"), "true".into(), allowed);
    }
    if let Some((name, _)) = positions.iter().find(|(_, on)| *on && settings.slow_consumer == "latest") {
        let allowed = format!(
            "drops publications without a word, which {name} promises not to happen; use \"drop_oldest\", or a \
             namespace without recovery and positioning"
        );
        assembly.complain(&key("slow_consumer"), "\"latest\"".into(), allowed);
    }
}

fn has_history(settings: &ChannelSettings) -> bool {
    settings.history_size > 0 && !settings.history_ttl.is_zero()
}
