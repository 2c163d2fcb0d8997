//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::process;

/// The checkout and the folders around it.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in no checkout")?;
        let mut metadata = Command::new(cargo());
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
        let described: Value = serde_json::from_str(&process::output(&mut metadata)?)
            .map_err(|e| format!("cargo metadata: {e}"))?;
        let target = described["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
        Ok(Self { root: root.to_owned(), target: target.into() })
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// What cargo built: `debug/wavecast`, `release/examples/echo_server`.
    pub(crate) fn built(&self, below: &str) -> PathBuf {
        self.target.join(below)
    }

    /// An empty folder under `target/reports`, wherever cargo builds: one place to look, and to collect from.
    pub(crate) fn report(&self, below: &str) -> Result<PathBuf, String> {
        let folder = self.path("target/reports").join(below);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(folder)
    }

    /// Kept between runs and never committed.
    pub(crate) fn cache(&self) -> PathBuf {
        self.path(".cache")
    }

    /// `cargo` with these words, in the checkout.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = Command::new(cargo());
        command.args(words).current_dir(&self.root);
        command
    }
}

/// The cargo that started us.
fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
