//! The certificate of every test with TLS: made once a run, trusted by nobody but us.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// For `127.0.0.1` and `localhost`, signed by itself.
pub(crate) struct Certificate {
    /// What a client may trust.
    pub(crate) pem: String,
    /// A file with certificate and key, as haproxy wants it and nginx takes it.
    pub(crate) both: PathBuf,
}

pub(crate) fn certificate() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]);
        let made = made.expect("a certificate can be made");
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let both = env::temp_dir().join(format!("wavecast-interop-{}.pem", std::process::id()));
        fs::write(&both, format!("{pem}{key}")).expect("a file can be written");
        Certificate { pem, both }
    })
}

/// The file, as words for other programs.
pub(crate) fn path() -> &'static Path {
    &certificate().both
}
