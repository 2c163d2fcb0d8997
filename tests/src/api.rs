//! Calls of the server's HTTP API.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::visitor::Visitor;

const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The result of a method, on a server that asks for no key.
///
/// # Panics
/// If the answer is an error.
pub fn call(server: SocketAddr, method: &str, parameters: &Value) -> Value {
    let body = parameters.to_string();
    let request = format!(
        "POST /api/{method} HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut visitor = Visitor::connect(server).expect("the server accepts");
    visitor.send(request.as_bytes()).expect("a request can be sent");
    let answer = visitor.response(ANSWER_MAX);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let mut answer: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    assert!(answer["result"].is_object(), "{method}: {answer}");
    answer["result"].take()
}
