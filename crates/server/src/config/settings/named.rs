//! An entry of a list whose entries have names: namespaces, hooks.

/// A name and what it stands for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named<T> {
    /// `name`: two or more of letters, digits, `-`, `_`, `.`; unique in its list.
    pub name: String,
    /// The options.
    pub settings: T,
}
