//! What a field of a request or a result may be: read by who reads requests, and by who describes them.

/// A field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Of a request: it must be there, and not empty. Of a result: it always is.
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Base64,
    /// Anything.
    Json,
    Flag,
    /// 0 or more.
    Whole,
    /// -1 or more.
    Limit,
    /// That of a close frame.
    Code,
    /// With a fraction.
    Number,
    /// A part of all.
    Share,
    /// A duration, in the words of the configuration.
    Time,
    List(&'static Kind),
    /// Values by names that are not known in advance.
    Map(&'static Kind),
    Object(&'static [Field]),
    /// One of the schemas of the description, by its name.
    Named(&'static str),
}

impl Field {
    pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: true, about }
    }

    pub(super) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: false, about }
    }
}

impl Kind {
    /// What is allowed, in the words of an error: "field … must be …".
    pub(super) const fn accepted(&self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Base64 => "base64 in a string",
            Self::Json => "JSON",
            Self::Flag => "true or false",
            Self::Whole => "a whole number, 0 or more",
            Self::Limit => "a whole number, -1 or more",
            Self::Code => "a whole number from 3000 to 4999",
            Self::Number => "a number",
            Self::Share => "a number from 0 to 1",
            Self::Time => "a duration of at most an hour, such as \"30s\"",
            Self::List(Self::Text) => "a list of strings",
            Self::List(_) => "a list of objects",
            Self::Map(Self::Text) => "an object whose values are strings",
            Self::Map(_) | Self::Object(_) | Self::Named(_) => "an object",
        }
    }
}
