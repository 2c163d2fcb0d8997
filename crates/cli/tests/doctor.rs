//! `wavecast doctor` as a process, before a real server and before none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wavecast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    let ours = |name: &str| name.starts_with("WAVECAST_") || name.starts_with("CENTRIFUGO_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A server on a free port, and the address that clients connect to.
fn serve() -> (Process, String) {
    let mut server = Process(wavecast(&["serve", "--port", "0"]).spawn().unwrap());
    let out = BufReader::new(server.0.stdout.take().unwrap());
    let mut lines = out.lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.split_once("ws://").map(|(_, address)| address.to_owned()));
    std::thread::spawn(move || lines.count());
    (server, format!("ws://{}", address.expect("the server names its address")))
}

/// What the doctor says, line by line, without what this machine happens to be like.
fn doctor(arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = wavecast(&[&["doctor", "--timeout", "2"], arguments].concat()).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let of_the_machine = |line: &&str| !line.contains(" open files:") && !line.contains(" net.");
    (output.status.code(), lines.lines().filter(of_the_machine).map(str::to_owned).collect())
}

/// An HTTP server that answers everything alike.
fn http(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/")
}

fn find<'l>(lines: &'l [String], words: &str) -> &'l str {
    lines.iter().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {lines:#?}"))
}

#[test]
fn a_server_that_can_be_reached() {
    let (_server, url) = serve();
    let (_, lines) = doctor(&["--url", &url]);
    assert!(find(&lines, "a WebSocket opens").starts_with("ok "), "{lines:#?}");
    assert!(find(&lines, "connected as client").starts_with("ok "), "{lines:#?}");
    assert!(find(&lines, " clock:").starts_with("ok "), "{lines:#?}");
    let elsewhere = url.replace("/connection/websocket", "/elsewhere");
    let (code, lines) = doctor(&["--url", &elsewhere]);
    assert_eq!(code, Some(1));
    assert!(find(&lines, "404").starts_with("problem "), "{lines:#?}");
    let (code, lines) = doctor(&["--url", &url, "--origin", "https://evil.test"]);
    assert_eq!(code, Some(1));
    assert!(find(&lines, "403").starts_with("problem "), "{lines:#?}");
}

#[test]
fn hooks_and_key_sets_are_asked() {
    let date = "date: Thu, 01 Jan 2026 00:00:00 GMT";
    let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let good = http(format!(
        "HTTP/1.1 200 OK\r\n{date}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{keys}",
        keys.len()
    ));
    let post_only =
        http("HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".into());
    let ill = http("HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".into());
    let nobody = format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let set = |key: &str, value: &str| format!("{key}={value}");
    let settings = [
        set("client.token.jwks_public_endpoint", &good),
        set("client.proxy.connect.enabled", "true"),
        set("client.proxy.connect.endpoint", &post_only),
        set("channel.proxy.subscribe.endpoint", &ill),
        set("rpc.proxy.endpoint", &nobody),
    ];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let (code, lines) = doctor(&arguments);
    assert_eq!(code, Some(1), "{lines:#?}");
    assert!(find(&lines, "jwks_public_endpoint: 1 keys").starts_with("ok "));
    assert!(find(&lines, "hook connect").starts_with("ok "));
    assert!(find(&lines, "hook subscribe").starts_with("warning "));
    assert!(find(&lines, "hook rpc").starts_with("problem "));
    assert!(
        find(&lines, "that of client.token.jwks_public_endpoint").starts_with("problem "),
        "the clocks differ"
    );
    let (code, lines) = doctor(&["--set", &set("client.token.jwks_public_endpoint", &nobody)]);
    assert_eq!(code, Some(1));
    assert!(find(&lines, "jwks_public_endpoint").starts_with("problem "));
    let (code, lines) = doctor(&["--config", "no/such/file.toml"]);
    assert_eq!(code, Some(1));
    assert!(find(&lines, "configuration").starts_with("problem "));
}
