//! nginx and haproxy in front of a server: their configuration, written for one test, and the program that runs by it.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::certificate;
use crate::libraries::given;
use crate::program::PATIENCE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

/// What the proxy speaks with clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    Plain,
    /// TLS that ends at the proxy; haproxy offers HTTP/2 in it.
    Tls,
}

/// What the proxy speaks with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    Http,
    /// HTTP/2 by prior knowledge (haproxy).
    Http2,
    /// TCP, with the client's address in front, as text or (haproxy) in binary.
    ProxyV1,
    ProxyV2,
}

/// A running proxy, killed when dropped.
pub(crate) struct ReverseProxy {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl ReverseProxy {
    pub(crate) fn start(kind: Kind, outside: Outside, inside: Inside, server: SocketAddr) -> Self {
        let folder = folder();
        // Neither can be told to take a free port; another process may take it first, so it is tried again.
        for _ in 0..5 {
            let address = free_address();
            let child = match kind {
                Kind::Nginx => {
                    nginx(&folder, &nginx_configuration(&folder, outside, inside, address, server))
                }
                Kind::Haproxy => haproxy(&folder, &haproxy_configuration(outside, inside, address, server)),
            };
            let mut proxy = Self { child, address, folder: folder.clone() };
            if proxy.listens() {
                return proxy;
            }
        }
        panic!("{kind:?} does not listen")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn listens(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn nginx(folder: &Path, configuration: &str) -> Child {
    fs::write(folder.join("nginx.conf"), configuration).expect("a file can be written");
    let mut command = Command::new(given("INTEROP_NGINX"));
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    spawn(&mut command)
}

fn haproxy(folder: &Path, configuration: &str) -> Child {
    fs::write(folder.join("haproxy.cfg"), configuration).expect("a file can be written");
    let mut command = Command::new(given("INTEROP_HAPROXY"));
    // -db: stays in the foreground. -q: says nothing but faults.
    command.args(["-db", "-q", "-f"]).arg(folder.join("haproxy.cfg"));
    spawn(&mut command)
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).process_group(0).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// One process, one upstream whose connections are kept alive, WebSocket as its documentation has it.
fn nginx_configuration(
    folder: &Path,
    outside: Outside,
    inside: Inside,
    address: SocketAddr,
    server: SocketAddr,
) -> String {
    let start = format!(
        "daemon off; master_process off; pid {}/pid; events {{ worker_connections 512; }}\n",
        folder.display()
    );
    if inside != Inside::Http {
        assert_eq!(inside, Inside::ProxyV1, "nginx knows the first version alone");
        let module = given("INTEROP_NGINX_STREAM");
        return format!(
            "load_module {};
             {start}
             stream {{ server {{ listen {address}; proxy_pass {server}; proxy_protocol on; }} }}\n",
            module.display()
        );
    }
    let pem = certificate::path().display();
    let listen = match outside {
        Outside::Plain => format!("listen {address};"),
        Outside::Tls => format!("listen {address} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};"),
    };
    let mut temporary = String::new();
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = write!(temporary, "{what}_temp_path {}/{what}; ", folder.display());
    }
    format!(
        "{start}
         http {{
           access_log off; {temporary}
           map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
           upstream server {{ server {server}; keepalive 8; }}
           server {{
             {listen}
             location / {{
               proxy_pass http://server;
               proxy_http_version 1.1;
               proxy_set_header Host $http_host;
               proxy_set_header Upgrade $http_upgrade;
               proxy_set_header Connection $connection_upgrade;
               proxy_buffering off;
             }}
           }}
         }}\n"
    )
}

/// Connections to the server are used again for whoever comes. Who comes by HTTP/2 is announced to it as `X-Who: HTTP/2.0`.
fn haproxy_configuration(
    outside: Outside,
    inside: Inside,
    address: SocketAddr,
    server: SocketAddr,
) -> String {
    let pem = certificate::path().display();
    let bind = match outside {
        Outside::Plain => format!("bind {address}"),
        Outside::Tls => format!("bind {address} ssl crt {pem} alpn h2,http/1.1"),
    };
    let (mode, options) = match inside {
        Inside::Http => ("http", ""),
        Inside::Http2 => ("http", "proto h2"),
        Inside::ProxyV1 => ("tcp", "send-proxy"),
        Inside::ProxyV2 => ("tcp", "send-proxy-v2"),
    };
    let (announce, reuse) = match inside {
        Inside::Http => ("http-request set-header X-Who %HV if { req.ver 2.0 }", "http-reuse always"),
        _ => ("", ""),
    };
    let text = format!(
        "global
           maxconn 512
         defaults
           mode {mode}
           timeout connect 10s
           timeout client 60s
           timeout server 60s
           timeout tunnel 60s
         frontend outside
           {bind}
           {announce}
           default_backend inside
         backend inside
           {reuse}
           server server {server} {options}\n"
    );
    text.lines().map(|line| line.trim_start().to_owned() + "\n").collect()
}

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("wavecast-proxy-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = env::temp_dir().join(unique);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a loopback port is free")
}
