//! What may be asked of sessions from outside: whose they are, and what shall become of them.
//!
//! The words of [`Node`](crate::Node)'s functions that steer sessions, and of what the front desk asks for the back end.

/// Whose sessions are meant: all of a user, or one by its id; with both, that one only if it is the user's.
///
/// With neither, the sessions of anonymous users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whom<'a> {
    /// The user's id.
    pub user: &'a str,
    /// The id of a session, as its client and the hooks know it.
    pub client: &'a str,
}

impl<'a> Whom<'a> {
    /// All sessions of a user.
    #[must_use]
    pub const fn user(user: &'a str) -> Self {
        Self { user, client: "" }
    }

    /// One session by its id, whoever it belongs to.
    #[must_use]
    pub const fn client(client: &'a str) -> Self {
        Self { user: "", client }
    }
}

/// How a session goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// It does not: it ends with 3005. The other fields do not count then.
    pub expired: bool,
    /// When it expires, Unix seconds; 0: never.
    pub expire_at_s: u64,
    /// In place of what others knew of the user; what is no JSON is base64 text there. `None` leaves it.
    pub info: Option<Box<[u8]>>,
}

/// Who is no longer welcome, or is again. Times are Unix seconds; what it means is at
/// [`Revocations`](crate::token::Revocations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation<'a> {
    /// One token.
    Token {
        /// Its `jti`.
        id: &'a str,
        /// Until when this is remembered; `None`: 30 days.
        expire_at_s: Option<i64>,
    },
    /// The tokens of a user that were issued before a time, or do not say when.
    UserTokens {
        /// The user's id.
        user: &'a str,
        /// The time; `None`: now.
        issued_before_s: Option<i64>,
        /// Until when this is remembered; `None`: 30 days.
        expire_at_s: Option<i64>,
    },
    /// A user, whatever it comes with.
    BlockUser {
        /// The user's id.
        user: &'a str,
        /// Until when; `None`: until it is unblocked.
        expire_at_s: Option<i64>,
    },
    /// A user that was blocked may come again.
    UnblockUser {
        /// The user's id.
        user: &'a str,
    },
}
