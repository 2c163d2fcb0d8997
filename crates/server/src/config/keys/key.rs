//! One line of the tables of keys.

use std::time::Duration;

use crate::config::slot::Slot;

/// A key of a section. Its default is what its field has in the section's `Default`.
pub(in crate::config) struct Key<S: 'static> {
    /// The key's whole path; in a section that occurs more than once, what follows the section's path.
    pub(in crate::config) name: &'static str,
    pub(in crate::config) effect: &'static str,
    pub(in crate::config) slot: fn(&mut S) -> Slot<'_>,
    /// Whether setting it (in a variable or by a flag) leaves the development profile on.
    pub(in crate::config) keeps_development: bool,
}

pub(super) const fn key<S>(name: &'static str, effect: &'static str, slot: fn(&mut S) -> Slot<'_>) -> Key<S> {
    Key { name, effect, slot, keeps_development: false }
}

/// A key that says nothing about who may do what.
pub(super) const fn neutral<S>(
    name: &'static str,
    effect: &'static str,
    slot: fn(&mut S) -> Slot<'_>,
) -> Key<S> {
    Key { name, effect, slot, keeps_development: true }
}

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// The longest a time-out may be told to be.
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest history may be kept: a hundred years, so that sums of milliseconds stay far from overflow.
pub(super) const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
pub(super) const MIB: usize = 1024 * 1024;
