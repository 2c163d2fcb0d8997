//! Writes the table of embedded files that `src/pages/mod.rs` includes.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Vite puts a hash of the content into the names of what it writes there.
const HASHED: &str = "/assets/";

pub(crate) struct EmbeddedFile {
    /// The path in the address bar, without a query.
    pub(crate) address: String,
    pub(crate) path: PathBuf,
}

/// The demo applications are shown with and without a slash at the end: their addresses are typed by people.
const DEMO: &str = "/demo";

/// Every file below `directory`, addressed below `prefix`; an `index.html` is what its directory shows.
pub(crate) fn files_below(directory: &Path, prefix: &str) -> Result<Vec<EmbeddedFile>, String> {
    let unreadable = |error| format!("{} is unreadable: {error}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(files_below(&path, &format!("{prefix}/{name}"))?);
        } else if name == "index.html" {
            if prefix.starts_with(DEMO) {
                files.push(EmbeddedFile { address: prefix.to_owned(), path: path.clone() });
            }
            files.push(EmbeddedFile { address: format!("{prefix}/"), path });
        } else {
            files.push(EmbeddedFile { address: format!("{prefix}/{name}"), path });
        }
    }
    Ok(files)
}

/// Below it a compressed copy saves nothing that counts.
const GZIP_FROM_BYTES: usize = 512;

/// Sorted by address, since the server searches it by halves. Compressed copies lie beside the table.
pub(crate) fn write_table(table: &Path, mut files: Vec<EmbeddedFile>, full: bool) -> Result<(), String> {
    files.sort_by(|a, b| a.address.cmp(&b.address));
    let mut code =
        format!("const FULL_BUILD: bool = {full};\nstatic PAGES: [(&str, Page); {}] = [\n", files.len());
    for (nth, EmbeddedFile { address, path }) in files.iter().enumerate() {
        let body = fs::read(path).map_err(|error| format!("{} is unreadable: {error}", path.display()))?;
        let tag = fingerprint([body.as_slice()]);
        let gzip =
            match gzip(&body).map_err(|error| format!("{} cannot be compressed: {error}", path.display()))? {
                Some(bytes) => {
                    let beside = table.with_extension(format!("{nth}.gz"));
                    fs::write(&beside, bytes)
                        .map_err(|error| format!("{} cannot be written: {error}", beside.display()))?;
                    format!("Some(include_bytes!({:?}))", beside.display().to_string())
                }
                None => "None".to_owned(),
            };
        let _ = writeln!(
            code,
            "    ({address:?}, Page {{ content_type: {:?}, body: include_bytes!({:?}), gzip: {gzip}, immutable: {}, tag: {tag:?} }}),",
            content_type(path)?,
            path.display().to_string(),
            address.starts_with(HASHED),
        );
    }
    code.push_str("];\n");
    fs::write(table, code).map_err(|error| format!("{} cannot be written: {error}", table.display()))
}

/// The body compressed, where that makes it a tenth smaller at least.
fn gzip(body: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if body.len() < GZIP_FROM_BYTES {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body)?;
    let bytes = encoder.finish()?;
    Ok((bytes.len() < body.len() - body.len() / 10).then_some(bytes))
}

fn content_type(path: &Path) -> Result<&'static str, String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("tgz") => Ok("application/gzip"),
        Some("txt") => Ok("text/plain; charset=utf-8"),
        _ => Err(format!("{} has no known content type: add it to build/embed.rs", path.display())),
    }
}

/// FNV-1a over the parts and their lengths. It tells versions apart; it does not resist forgery.
pub(crate) fn fingerprint<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&part.len().to_le_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
