//! Gets the suite and the Python 2.7 it needs into `.cache/autobahn`, once.
//!
//! Nothing else on the machine changes. Where there is no Python 2.7, Debian 11's is unpacked, not installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::install::{self, Tool};
use crate::process;
use crate::workspace::Workspace;

const DOWNLOAD_MAX: Duration = Duration::from_secs(10 * 60);
const CERTIFICATE_MAX: Duration = Duration::from_secs(60);
/// The last pip for Python 2.7; unpacked, so that the interpreter needs none of its own.
const PIP: &str = "pip==20.3.4";
/// C code for masking and UTF-8: the suite is slower without it, nothing else.
const ACCELERATOR: &str = "wsaccel==0.6.6";
/// What Debian 11's Python consists of, headers included for the accelerator.
const DEBIAN_PACKAGES: [&str; 8] = [
    "python2.7",
    "python2.7-minimal",
    "libpython2.7",
    "libpython2.7-minimal",
    "libpython2.7-stdlib",
    "libpython2.7-dev",
    "libssl1.1",
    "libffi7",
];
/// Where Debian 11 is found if the configured mirror has dropped it.
const DEBIAN_MIRRORS: [&str; 2] = ["http://deb.debian.org/debian", "http://archive.debian.org/debian"];

/// The installed suite.
pub(super) struct Suite {
    python: PathBuf,
    site: PathBuf,
    scripts: PathBuf,
}

/// PEM files.
pub(super) struct Certificate {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

impl Suite {
    /// The suite's program in one of its modes.
    pub(super) fn wstest(&self, mode: &str, specification: &Path) -> Command {
        let mut command = self.launch();
        // The web port is for people who watch: 0 turns it off.
        command.args(["--mode", mode, "--webport", "0", "--spec"]).arg(specification);
        command
    }

    /// A certificate for the loopback address that signs itself, made for one run.
    pub(super) fn certificate(&self, folder: &Path) -> Result<Certificate, String> {
        let made = Certificate { chain: folder.join("certificate.pem"), key: folder.join("key.pem") };
        process::run(self.script("certificate.py").arg(&made.chain).arg(&made.key), CERTIFICATE_MAX)?;
        Ok(made)
    }

    fn works(&self) -> bool {
        process::first_line(self.launch().arg("--autobahnversion")).is_some()
    }

    fn launch(&self) -> Command {
        self.script("wstest.py")
    }

    /// Python of ours, with the suite's packages.
    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-u", "-s", "-W", "ignore"]).arg(self.scripts.join(name));
        command.env("AUTOBAHN_SITE", &self.site);
        command.env_remove("PYTHONDONTWRITEBYTECODE").env_remove("PYTHONPATH");
        command
    }
}

/// The suite, installed now if it is not there.
pub(super) fn ensure(workspace: &Workspace) -> Result<Suite, String> {
    let cache = workspace.cache().join("autobahn");
    let pins = workspace.path("tests/autobahn/requirements.txt");
    let wanted = fs::read_to_string(&pins).map_err(|e| format!("{}: {e}", pins.display()))?;
    let (chosen, installed) = (cache.join("python"), cache.join("installed.txt"));
    let suite = |python: PathBuf| Suite {
        python,
        site: cache.join("site"),
        scripts: workspace.path("tests/autobahn"),
    };
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        let present = fs::read_to_string(&chosen).map(|path| suite(path.into()));
        if let Some(present) = present.ok().filter(Suite::works) {
            return Ok(present);
        }
    }
    println!("missing: the Autobahn suite; installing with pip into {}", cache.display());
    make_folder(&cache)?;
    let python = find_python(&cache)?;
    println!("Python 2.7: {}", python.display());
    let suite = suite(python);
    install_packages(&cache, &suite, &pins)?;
    if !suite.works() {
        return Err("the Autobahn suite was installed and does not start".to_owned());
    }
    fs::write(&chosen, suite.python.to_string_lossy().as_bytes()).map_err(|e| e.to_string())?;
    fs::write(&installed, wanted).map_err(|e| e.to_string())?;
    Ok(suite)
}

/// The first that works: `$AUTOBAHN_PY2`, pyenv's, the one on the path, Debian 11's.
fn find_python(cache: &Path) -> Result<PathBuf, String> {
    let given = std::env::var_os("AUTOBAHN_PY2").map(PathBuf::from);
    let pyenv = std::env::home_dir().map(|home| home.join(".pyenv/versions/2.7.18/bin/python2.7"));
    let candidates = [given, pyenv, Some("/usr/bin/python2.7".into()), Some("python2.7".into())];
    match candidates.into_iter().flatten().find(|python| is_python_2(python)) {
        Some(python) => Ok(python),
        None => unpack_debian_python(&cache.join("python2")),
    }
}

/// The suite wants TLS, zlib and ctypes, and text in whole code points.
fn is_python_2(python: &Path) -> bool {
    let check = "import sys, ssl, zlib, ctypes; sys.exit(sys.version_info[:2] != (2, 7) or sys.maxunicode < 0x10ffff)";
    process::first_line(Command::new(python).args(["-c", check])).is_some()
}

fn install_packages(cache: &Path, suite: &Suite, pins: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(&suite.site);
    let pip = fetch_pip(cache, &suite.python)?;
    let install = |what: &[&str], errors: Stdio| {
        let mut command = Command::new(&suite.python);
        command
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--use-pep517", "--target"])
            .arg(&suite.site);
        command.args(what).env("PYTHONPATH", &pip).env("PYTHONWARNINGS", "ignore");
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_NO_PYTHON_VERSION_WARNING", "1");
        process::run(command.stderr(errors), DOWNLOAD_MAX)
    };
    install(&["--requirement", &pins.to_string_lossy()], Stdio::inherit())?;
    if install(&[ACCELERATOR], Stdio::null()).is_err() {
        println!("{ACCELERATOR} did not build: the suite is slower without it");
    }
    let _ = fs::remove_dir_all(cache.join("pip"));
    Ok(())
}

/// Downloads pip's own package with whichever pip there is, and unpacks it.
fn fetch_pip(cache: &Path, python2: &Path) -> Result<PathBuf, String> {
    let folder = cache.join("pip");
    let _ = fs::remove_dir_all(&folder);
    make_folder(&folder)?;
    let with_pip =
        |python: &Path| process::first_line(Command::new(python).args(["-m", "pip", "--version"])).is_some();
    let python = if with_pip(python2) {
        python2.to_owned()
    } else {
        install::ensure(&[Tool::Pip])?;
        "python3".into()
    };
    let mut download = Command::new(&python);
    download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(&folder).arg(PIP);
    process::run(download.env("PYTHONWARNINGS", "ignore"), DOWNLOAD_MAX)?;
    let wheel = fs::read_dir(&folder)
        .ok()
        .and_then(|mut files| files.next()?.ok())
        .ok_or("pip was not downloaded")?;
    let unpacked = folder.join("unpacked");
    let mut unpack = Command::new(&python);
    process::run(unpack.args(["-m", "zipfile", "-e"]).arg(wheel.path()).arg(&unpacked), DOWNLOAD_MAX)?;
    Ok(unpacked)
}

/// Unpacks Debian 11's Python 2.7 with a state of apt that is private to this folder.
fn unpack_debian_python(folder: &Path) -> Result<PathBuf, String> {
    let wrapper = folder.join("python2.7");
    if is_python_2(&wrapper) {
        return Ok(wrapper);
    }
    let mut mirrors = configured_mirrors();
    mirrors.extend(DEBIAN_MIRRORS.map(ToOwned::to_owned));
    mirrors.dedup();
    for mirror in &mirrors {
        println!("missing: Python 2.7; unpacking Debian 11's from {mirror}");
        match download_debian_packages(folder, mirror) {
            Ok(()) => break,
            Err(fault) => eprintln!("{fault}"),
        }
    }
    let root = folder.join("root");
    for package in list(&folder.join("packages")) {
        process::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root), DOWNLOAD_MAX)?;
    }
    let multiarch = process::first_line(Command::new("dpkg-architecture").args(["-qDEB_HOST_MULTIARCH"]))
        .or_else(|| process::first_line(Command::new("gcc").arg("-print-multiarch")))
        .unwrap_or_else(|| format!("{}-linux-gnu", std::env::consts::ARCH));
    let at = root.display();
    let script = format!(
        "#!/bin/sh\n\
         export PYTHONHOME='{at}/usr' C_INCLUDE_PATH='{at}/usr/include/python2.7:{at}/usr/include'\n\
         export LD_LIBRARY_PATH='{at}/usr/lib/{multiarch}:{at}/lib/{multiarch}'\n\
         exec '{at}/usr/bin/python2.7' \"$@\"\n"
    );
    fs::write(&wrapper, script).map_err(|e| format!("{}: {e}", wrapper.display()))?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&wrapper, executable).map_err(|e| format!("{}: {e}", wrapper.display()))?;
    if is_python_2(&wrapper) {
        Ok(wrapper)
    } else {
        Err("no Python 2.7 could be had; name one in AUTOBAHN_PY2".to_owned())
    }
}

fn download_debian_packages(folder: &Path, mirror: &str) -> Result<(), String> {
    let (state, packages) = (folder.join("apt"), folder.join("packages"));
    for part in [state.join("lists/partial"), state.join("cache/archives/partial"), packages.clone()] {
        make_folder(&part)?;
    }
    // Debian 12 names its keys .gpg, Debian 13 .pgp; both hold those of Debian 11, whose lists have long expired.
    let keys =
        ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];
    let keys =
        keys.into_iter().find(|path| Path::new(path).exists()).ok_or("this machine has no keys of Debian")?;
    let sources = state.join("sources.list");
    let line = format!("deb [signed-by={keys} check-valid-until=no] {mirror} bullseye main\n");
    fs::write(&sources, line).map_err(|e| format!("{}: {e}", sources.display()))?;
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", sources.to_string_lossy()),
            ("Dir::Etc::SourceParts", "/dev/null".into()),
            ("Dir::State::Lists", state.join("lists").to_string_lossy()),
            ("Dir::Cache", state.join("cache").to_string_lossy()),
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
        ] {
            command.arg("-o").arg(format!("{option}={value}"));
        }
        process::run(command.arg("-qq").args(words).current_dir(&packages), DOWNLOAD_MAX)
    };
    apt(&["update"])?;
    apt(&[&["download"][..], &DEBIAN_PACKAGES].concat())?;
    fs::remove_dir_all(&state).map_err(|e| format!("{}: {e}", state.display()))
}

/// Mirrors of apt's configuration: the closest ones.
fn configured_mirrors() -> Vec<String> {
    let files = [Path::new("/etc/apt/sources.list.d/debian.sources"), Path::new("/etc/apt/sources.list")];
    let text: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let words = text
        .lines()
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_whitespace);
    let mirrors = words
        .filter(|word| word.starts_with("http") && word.contains("/debian") && !word.contains("security"));
    mirrors.map(|word| word.trim_end_matches('/').to_owned()).take(1).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))
}
