//! Embeds the pages: the one from `web/` where Node.js can build it, else the plain one alone.
//!
//! `WAVECAST_WEB=on` makes a page that cannot be built an error, `WAVECAST_WEB=off` does not try; without
//! it the build tries and, where that fails, says so in one warning. Everything is written below Cargo's
//! `OUT_DIR`; the source tree stays as it is.

#[path = "build/embed.rs"]
mod embed;
#[path = "build/web.rs"]
mod web;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const WISH: &str = "WAVECAST_WEB";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error={why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let manifest = directory("CARGO_MANIFEST_DIR")?;
    let out = directory("OUT_DIR")?;
    let plain = manifest.join("src/pages/plain");
    for path in ["build.rs", "build", "src/pages/plain"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed={WISH}");

    let full = full_page(&manifest.join("../../web"), &out)?;
    let mut files = embed::files_below(&plain, "/plain")?;
    match &full {
        Some(dist) => files.extend(embed::files_below(dist, "")?),
        None => files.push(embed::EmbeddedFile { address: "/".to_owned(), path: plain.join("index.html") }),
    }
    embed::write_table(&out.join("pages.rs"), files, full.is_some())
}

/// Where the built page lies, or `None` where only the plain one is embedded.
fn full_page(source: &Path, out: &Path) -> Result<Option<PathBuf>, String> {
    let wish = env::var(WISH).unwrap_or_default();
    // docs.rs has no network and shows no page.
    if wish == "off" || env::var_os("DOCS_RS").is_some() {
        return Ok(None);
    }
    if !["", "on"].contains(&wish.as_str()) {
        return Err(format!("{WISH} is \"{wish}\", but only \"on\" and \"off\" mean something"));
    }
    match web::build(source, out) {
        Ok(dist) => Ok(Some(dist)),
        Err(failure) if wish == "on" => Err(format!("the page in web/ was not built: {failure}")),
        Err(failure) => {
            println!(
                "cargo::warning=the server gets its plain page only: {failure}. \
                 For the full page, mend that and build with {WISH}=on; with {WISH}=off this is no longer said"
            );
            watch_for_programs();
            Ok(None)
        }
    }
}

/// Runs this script again when a program was installed: it may be the Node.js that was missing.
fn watch_for_programs() {
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    for directory in env::split_paths(&path).filter(|path| path.is_absolute() && path.is_dir()) {
        println!("cargo::rerun-if-changed={}", directory.display());
    }
}

fn directory(name: &str) -> Result<PathBuf, String> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("Cargo did not set {name}"))
}
