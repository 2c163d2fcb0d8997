//! What is kept of certificates and account in a folder: written whole or not at all, and readable by nobody else.
//!
//! A certificate's file has the name of its host and holds the key, then the chain: so a folder that Centrifugo (or anything
//! else that stands on Go's autocert) has kept can be taken over.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The account at the ACME server.
const ACCOUNT: &str = "wavecast_account.json";
/// Longest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A folder, or none.
#[derive(Debug)]
pub(super) struct Cache(Option<PathBuf>);

impl Cache {
    /// `folder`: "" = nothing is kept.
    pub(super) fn new(folder: &str) -> Self {
        Self((!folder.is_empty()).then(|| folder.into()))
    }

    /// Key and chain of a host, if they are there.
    pub(super) fn certificate(&self, host: &str) -> Option<String> {
        self.read(&host.to_ascii_lowercase())
    }

    pub(super) fn keep_certificate(&self, host: &str, pem: &str) -> io::Result<()> {
        self.write(&host.to_ascii_lowercase(), pem)
    }

    pub(super) fn account(&self) -> Option<String> {
        self.read(ACCOUNT)
    }

    pub(super) fn keep_account(&self, credentials: &str) -> io::Result<()> {
        self.write(ACCOUNT, credentials)
    }

    fn read(&self, name: &str) -> Option<String> {
        let path = self.0.as_ref()?.join(name);
        let length = fs::metadata(&path).ok()?.len();
        (length <= FILE_BYTES_MAX).then(|| fs::read_to_string(path).ok()).flatten()
    }

    /// Beside it first, then in its place: whoever reads meanwhile sees the one or the other.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let Some(folder) = &self.0 else { return Ok(()) };
        create(folder)?;
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        // One that a crash has left may belong to somebody else's rights.
        fs::remove_file(&beside).ok();
        let written = private(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        let placed = written.and_then(|()| fs::rename(&beside, folder.join(name)));
        if placed.is_err() {
            fs::remove_file(&beside).ok();
        }
        placed
    }
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn create(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_nobody_else_can_read_it() {
        let folder = std::env::temp_dir().join(format!("wavecast-acme-{}/deeper", std::process::id()));
        let cache = Cache::new(folder.to_str().unwrap());
        assert_eq!(cache.certificate("a.test"), None);
        cache.keep_certificate("A.test", "first").unwrap();
        cache.keep_certificate("a.test", "second").unwrap();
        cache.keep_account("{}").unwrap();
        assert_eq!(cache.certificate("a.TEST").as_deref(), Some("second"));
        assert_eq!(Cache::new(folder.to_str().unwrap()).account().as_deref(), Some("{}"));
        let files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
        assert_eq!(files.len(), 2, "nothing is left beside them");
        #[cfg(unix)]
        for file in files {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let cache = Cache::new("");
        cache.keep_certificate("a.test", "x").unwrap();
        assert_eq!(cache.certificate("a.test"), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let file = std::env::temp_dir().join(format!("wavecast-acme-file-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        assert!(Cache::new(file.to_str().unwrap()).keep_account("{}").is_err());
        fs::remove_file(file).unwrap();
    }
}
