//! Hooks: whatever is switched on needs somebody to call, and a name must be somebody's.

use crate::config::assemble::Assembly;
use crate::config::keys::{List, PlacedHook, WITHOUT_NAMESPACE, placed_hooks};
use crate::config::settings::{ChannelSettings, Config, DEFAULT_HOOK, Hook, RpcSettings};
use crate::http_client::{HttpClient, HttpClientOptions};

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    for PlacedHook { section, hook, is_on, .. } in placed_hooks(config) {
        if is_on == Some(true) {
            need_endpoint(assembly, section, hook, &format!("{section}.enabled"));
        }
    }
    for entry in &config.proxies {
        let section = format!("{}.{}", List::Hooks.path(), entry.name);
        need_endpoint(assembly, &section, &entry.settings, List::Hooks.path());
    }
    check_namespace(assembly, config, WITHOUT_NAMESPACE, &config.channel.without_namespace);
    for entry in &config.channel.namespaces {
        let section = format!("{}.{}", List::Channels.path(), entry.name);
        check_namespace(assembly, config, &section, &entry.settings);
    }
    check_methods(assembly, config, "rpc.without_namespace", &config.rpc.without_namespace);
    for entry in &config.rpc.namespaces {
        let section = format!("{}.{}", List::Methods.path(), entry.name);
        check_methods(assembly, config, &section, &entry.settings);
    }
    check_tls(assembly, config);
}

fn check_namespace(assembly: &mut Assembly, config: &Config, section: &str, settings: &ChannelSettings) {
    let proxy = &config.channel.proxy;
    let key = |name: &str| format!("{section}.{name}");
    for (enabled, name, kind, hook) in [
        (settings.subscribe_proxy_enabled, &settings.subscribe_proxy_name, "subscribe", &proxy.subscribe),
        (settings.publish_proxy_enabled, &settings.publish_proxy_name, "publish", &proxy.publish),
        (
            settings.sub_refresh_proxy_enabled,
            &settings.sub_refresh_proxy_name,
            "sub_refresh",
            &proxy.sub_refresh,
        ),
    ] {
        if enabled {
            let (switch, key_of_name) =
                (key(&format!("{kind}_proxy_enabled")), key(&format!("{kind}_proxy_name")));
            need_hook(assembly, config, name, &format!("channel.proxy.{kind}"), hook, &switch, &key_of_name);
        }
    }
    for (enabled, kind, hook) in [
        (settings.unsubscribed_proxy_enabled, "unsubscribed", &proxy.unsubscribed),
        (settings.state_proxy_enabled, "state", &proxy.state),
    ] {
        if enabled {
            need_endpoint(
                assembly,
                &format!("channel.proxy.{kind}"),
                hook,
                &key(&format!("{kind}_proxy_enabled")),
            );
        }
    }
}

fn check_methods(assembly: &mut Assembly, config: &Config, section: &str, settings: &RpcSettings) {
    if settings.proxy_enabled {
        let (switch, name) = (format!("{section}.proxy_enabled"), format!("{section}.proxy_name"));
        need_hook(assembly, config, &settings.proxy_name, "rpc.proxy", &config.rpc.proxy, &switch, &name);
    }
}

/// A hook by its name: the one of the section, or an entry of `proxies`, which are checked by themselves.
fn need_hook(
    assembly: &mut Assembly,
    config: &Config,
    name: &str,
    section: &str,
    hook: &Hook,
    switch: &str,
    key_of_name: &str,
) {
    if name == DEFAULT_HOOK {
        need_endpoint(assembly, section, hook, switch);
    } else if config.hook(name, hook).is_none() {
        let allowed =
            format!("must be {DEFAULT_HOOK:?}, which is {section}, or the name of an entry of proxies");
        assembly.complain(key_of_name, format!("{name:?}"), allowed);
    }
}

fn need_endpoint(assembly: &mut Assembly, section: &str, hook: &Hook, switch: &str) {
    if hook.endpoint.is_empty() {
        let allowed = format!(
            "is needed by {switch}: set it to an URL such as \"http://localhost:3000/centrifugo/hook\""
        );
        assembly.complain_unseen(&format!("{section}.endpoint"), allowed);
    }
}

/// TLS needs a certificate together with its key, and PEM that can be read.
fn check_tls(assembly: &mut Assembly, config: &Config) {
    let single = placed_hooks(config).map(|placed| (placed.section.to_owned(), placed.hook));
    let named = config
        .proxies
        .iter()
        .map(|entry| (format!("{}.{}", List::Hooks.path(), entry.name), &entry.settings));
    for (section, hook) in single.chain(named).filter(|(_, hook)| hook.tls.enabled) {
        let key = |name: &str| format!("{section}.http.tls.{name}");
        let tls = &hook.tls;
        if tls.cert_pem.is_empty() == tls.key_pem.is_empty() {
            let options = HttpClientOptions { tls: tls.into(), ..HttpClientOptions::default() };
            if let Err(error) = HttpClient::new(&options) {
                assembly.complain_unseen(&key(error.key), error.problem);
            }
        } else {
            let (there, missing) =
                if tls.key_pem.is_empty() { ("cert_pem", "key_pem") } else { ("key_pem", "cert_pem") };
            assembly.complain_unseen(&key(missing), format!("is needed by {}", key(there)));
        }
    }
}
