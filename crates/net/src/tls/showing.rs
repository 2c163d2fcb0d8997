//! What is put in to be shown to ACME servers.

use std::sync::Arc;

use super::certificates;
use super::challenges::{Challenges, NAMES_MAX};
use super::fault::{Part, TlsError};
use super::options::Identity;
use super::provider::provider;

impl Challenges {
    /// Shows this certificate for this name from now on. At most 64 names have one at once.
    ///
    /// # Errors
    /// [`TlsError`] names the part that cannot be used, or that there are too many.
    pub fn show(&self, name: &str, identity: &Identity) -> Result<(), TlsError> {
        let certified = Arc::new(certificates::read(identity, &provider())?);
        if self.insert(name.to_ascii_lowercase(), certified) {
            return Ok(());
        }
        let problem = format!("shows at most {NAMES_MAX} names to ACME servers at once");
        Err(TlsError::new(Part::Settings, problem))
    }
}
