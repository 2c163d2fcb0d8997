//! Every key that is carried out, a line each: for `--help` and the documentation.

use super::keys;

/// One line of the reference of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// The key's path. Options of namespaces stand below `channel.without_namespace` and `rpc.without_namespace`, those
    /// of tokens below `(token)`, those of hooks below `(proxy)`.
    pub path: String,
    /// What kind of value it takes.
    pub kind: &'static str,
    /// The default, as a file would have it.
    pub default: String,
    /// Which values it takes, beyond what the kind says; empty where that says it all.
    pub allowed: String,
    /// What it does.
    pub effect: &'static str,
    /// Whether a running server takes it anew when it is reloaded; else it counts from the next start on.
    pub reloaded: bool,
}

/// Every key that is carried out, for `--help` and the documentation.
pub fn reference() -> Vec<KeyReference> {
    let mut lines = Vec::new();
    keys::describe(|path, effect, slot| {
        let (kind, default, allowed) = (slot.kind(), slot.display(), slot.allowed());
        // Sections that occur more than once are all carried out.
        let reloaded = path.starts_with('(') || keys::is_reloaded(&path);
        lines.push(KeyReference { path, kind, default, allowed, effect, reloaded });
    });
    lines
}
