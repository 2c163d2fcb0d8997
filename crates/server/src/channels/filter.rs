//! What a subscriber wants of a channel.

use std::fmt;

use wavecast_hub::Publication;

/// A filter over publications.
pub(crate) struct Filter(Box<dyn Fn(&Publication) -> bool>);

impl Filter {
    pub(crate) fn new(wants: impl Fn(&Publication) -> bool + 'static) -> Self {
        Self(Box::new(wants))
    }

    pub(crate) fn matches(&self, publication: &Publication) -> bool {
        (self.0)(publication)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}
