//! What the machine must have, and how it gets there: Debian packages by name, Rust components by name.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use crate::process;

/// Downloading and unpacking a browser over a slow line takes its time.
const INSTALL_MAX: Duration = Duration::from_secs(15 * 60);
/// The oldest Node that `node --test` takes our options in, and Vite runs on.
const NODE_MIN: u32 = 20;

/// Where Debian puts what is for administrators, on their paths alone.
pub(crate) const NGINX: &str = "/usr/sbin/nginx";
pub(crate) const HAPROXY: &str = "/usr/sbin/haproxy";
pub(crate) const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// What Debian's packages ask before they start a service.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// A program that some test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    Node,
    Curl,
    Chromium,
    /// Python 3 with pip, to set the Autobahn suite up.
    Pip,
    /// Python 3 that can make environments; Debian packs that apart.
    Venv,
    /// A compiler for Java.
    Java,
    Maven,
    /// With the module that forwards TCP.
    Nginx,
    Haproxy,
    Caddy,
    /// For programs of others that are written in it.
    Go,
    /// Certificates for tests that are not in Rust.
    Openssl,
}

impl Tool {
    fn is_there(self) -> bool {
        match self {
            Self::Rustfmt => answers("cargo", &["fmt", "--version"]),
            Self::Clippy => answers("cargo", &["clippy", "--version"]),
            Self::Node => node_major().is_some() && answers("npm", &["--version"]),
            Self::Curl => answers("curl", &["--version"]),
            Self::Chromium => chromium().is_some(),
            Self::Pip => answers("python3", &["-m", "pip", "--version"]),
            Self::Venv => answers("python3", &["-c", "import ensurepip, venv"]),
            Self::Java => answers("javac", &["-version"]),
            Self::Maven => answers("mvn", &["--version"]),
            Self::Nginx => answers(NGINX, &["-v"]) && fs::metadata(NGINX_STREAM).is_ok(),
            Self::Haproxy => answers(HAPROXY, &["-v"]),
            Self::Caddy => answers("caddy", &["version"]),
            Self::Go => answers("go", &["version"]),
            Self::Openssl => answers("openssl", &["version"]),
        }
    }

    /// Names of Debian packages that bring it; none where rustup does.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Rustfmt | Self::Clippy => &[],
            Self::Node => &["nodejs", "npm"],
            Self::Curl => &["curl", "ca-certificates"],
            Self::Chromium => &["chromium"],
            Self::Pip => &["python3", "python3-pip"],
            Self::Venv => &["python3", "python3-venv"],
            Self::Java => &["default-jdk-headless"],
            Self::Maven => &["maven"],
            Self::Nginx => &["nginx", "libnginx-mod-stream"],
            Self::Haproxy => &["haproxy"],
            Self::Caddy => &["caddy"],
            Self::Go => &["golang-go"],
            Self::Openssl => &["openssl"],
        }
    }

    fn component(self) -> Option<&'static str> {
        match self {
            Self::Rustfmt => Some("rustfmt"),
            Self::Clippy => Some("clippy"),
            _ => None,
        }
    }
}

/// Installs those of the tools that are missing, saying which.
///
/// The error names what could not be had and the command that would bring it.
pub(crate) fn ensure(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| !tool.is_there()).collect();
    let components: Vec<&str> = missing.iter().filter_map(|tool| tool.component()).collect();
    if !components.is_empty() {
        println!("missing: {}; installing with rustup", components.join(", "));
        process::run(Command::new("rustup").args(["component", "add"]).args(&components), INSTALL_MAX)?;
    }
    let mut packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages()).copied().collect();
    packages.dedup();
    if !packages.is_empty() {
        apt_install(&packages)?;
    }
    if tools.contains(&Tool::Node) {
        let major = node_major().unwrap_or(0);
        if major < NODE_MIN {
            return Err(format!("Node {major} is here, {NODE_MIN} or newer is needed: https://nodejs.org/"));
        }
    }
    match missing.iter().find(|tool| !tool.is_there()) {
        Some(tool) => Err(format!("{tool:?} was installed and still does not answer")),
        None => Ok(()),
    }
}

/// The browser for the tests of the page: `$CHROMIUM`, else where the packages put it.
pub(crate) fn chromium() -> Option<String> {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let given = env::var("CHROMIUM").ok();
    given.or_else(|| places.iter().find(|place| fs::metadata(place).is_ok()).map(ToString::to_string))
}

fn apt_install(packages: &[&str]) -> Result<(), String> {
    let names = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        return Err(format!(
            "missing: {names}. This needs root:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}"
        ));
    }
    println!("missing: {names}; installing with apt-get");
    let mut update = Command::new("apt-get");
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    // An update that fails for one of many sources may still leave what is needed.
    if let Err(fault) = process::run(update.args(["update", "-q"]), INSTALL_MAX) {
        eprintln!("{fault}");
    }
    let _quiet = NoServices::begin();
    process::run(&mut install, INSTALL_MAX)
}

/// While it lives, packages that bring a service do not start it: a test starts what it needs, on ports of its own.
struct NoServices;

impl NoServices {
    /// `None` where the machine has a policy already: that one holds.
    fn begin() -> Option<Self> {
        // 101: what was asked for is not allowed.
        let mut file = File::options().write(true).create_new(true).mode(0o755).open(SERVICE_POLICY).ok()?;
        let guard = Self;
        file.write_all(b"#!/bin/sh\nexit 101\n").ok()?;
        Some(guard)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        let _ = fs::remove_file(SERVICE_POLICY);
    }
}

fn node_major() -> Option<u32> {
    let version = process::first_line(Command::new("node").arg("--version"))?;
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    process::first_line(Command::new(program).args(arguments)).is_some()
}
