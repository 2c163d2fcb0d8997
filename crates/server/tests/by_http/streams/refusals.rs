//! Bad input for each endpoint: a clear status, and words that say what is allowed.

use serde_json::json;

use super::ON;
use super::reader::Reader;
use crate::served::{token, unix_now, with_server};

/// Method and target, fields, body; the status, and what the answer says.
type Row<'r> = (&'r str, &'r str, &'r str, u16, &'r str);

#[test]
fn requests_that_make_no_sense() {
    let long = "x".repeat(70_000);
    let rows: &[Row<'_>] = &[
        ("GET /connection/sse", "", "", 400, "cf_connect"),
        ("GET /connection/sse?cf_connect=", "", "", 400, "cf_connect"),
        ("GET /connection/sse?other=1", "", "", 400, "cf_connect"),
        ("POST /connection/sse", "", "", 400, "body"),
        ("PUT /connection/sse", "", "", 405, "GET and POST"),
        ("POST /connection/sse", "Content-Type: application/octet-stream\r\n", "x", 415, "http_stream"),
        ("GET /connection/http_stream", "", "", 405, "POST"),
        ("POST /connection/http_stream", "", "", 400, "body"),
        ("POST /connection/http_stream", "", &long, 413, "65536 bytes"),
        ("GET /emulation", "", "", 405, "POST"),
        ("POST /emulation", "", "", 400, "`session`, `node` and `data`"),
        ("POST /emulation", "", "[]", 400, "`session`, `node` and `data`"),
        ("POST /emulation", "", "{\"session\":1}", 400, "`session`, `node` and `data`"),
        ("POST /emulation", "", "{}", 400, "no commands"),
        ("POST /emulation", "", "{\"data\":\"{}\"}", 404, "no such session"),
        ("POST /emulation", "Content-Type: application/octet-stream\r\n", "\u{1}", 400, "Protobuf"),
        ("POST /emulation", "", &long, 413, "65536 bytes"),
        ("GET /connection/uni_sse", "", "", 400, "channels"),
        ("GET /connection/uni_sse?channels=", "", "", 400, "one channel or more"),
        ("GET /connection/uni_sse?channels=a,a", "", "", 400, "twice"),
        ("GET /connection/uni_sse?channels=a&channels=b", "", "", 400, "once"),
        ("GET /connection/uni_sse?channels=a&since=a", "", "", 400, "channel:offset:epoch"),
        ("GET /connection/uni_sse?channels=a", "Last-Event-ID: a\r\n", "", 400, "Last-Event-ID"),
        ("GET /connection/uni_sse?channels=a", "Last-Event-ID: \u{e4}\r\n", "", 400, "ASCII"),
        ("GET /connection/uni_sse?cf_connect=x", "", "", 400, "JSON object"),
        ("GET /connection/uni_sse?cf_connect=%22a-token%22", "", "", 400, "it is another value"),
        ("GET /connection/uni_sse?cf_connect=%FF", "", "", 400, "UTF-8"),
        ("DELETE /connection/uni_sse", "", "", 405, "GET and POST"),
        ("POST /connection/uni_sse", "", "[]", 400, "JSON object"),
        ("POST /connection/uni_http_stream", "", "{\"token\":1}", 400, "JSON object"),
        ("POST /connection/uni_http_stream", "", &long, 413, "65536 bytes"),
        (
            "GET /connection/uni_http_stream?channels=a&token=x",
            "Authorization: Bearer x\r\n",
            "",
            400,
            "not in both",
        ),
        ("GET /connection/uni_websocket", "", "", 404, "nothing at"),
    ];
    with_server(ON, async |server| {
        for &(line, fields, body, status, words) in rows {
            let length = match body {
                "" => String::new(),
                body => format!("Content-Length: {}\r\n", body.len()),
            };
            let request =
                format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}{length}\r\n{body}");
            let reader = Reader::ask(server, &request).await;
            assert_eq!(reader.status(), status, "{line} {fields:?}: {}", reader.head);
            let told = reader.until_the_end().await;
            assert!(told.contains(words), "{line} {fields:?}: {told}");
        }
        assert_eq!(server.node().info().num_clients, 0);
    });
}

#[test]
fn who_may_not_come_in_is_told_by_the_status() {
    with_server(ON, async |server| {
        let expired = token(&json!({ "sub": "ann", "exp": unix_now() - 10 }));
        let anyone = token(&json!({ "sub": "ann" }));
        for (query, status, code) in [
            ("channels=closed:a".to_owned(), 403, 3507),
            ("channels=news,closed:a".to_owned(), 403, 3507),
            ("channels=users:a".to_owned(), 403, 3507),
            ("channels=nowhere:a".to_owned(), 404, 3508),
            ("channels=digits:x".to_owned(), 400, 3501),
            ("channels=news&token=x".to_owned(), 401, 3500),
            (format!("channels=news&token={expired}"), 401, 3005),
            (format!("channels=limited:a%23bob&token={anyone}"), 403, 3507),
        ] {
            for endpoint in ["uni_sse", "uni_http_stream"] {
                let target = format!("/connection/{endpoint}?{query}");
                let reader = Reader::get(server, &target, "Origin: https://app.example.com\r\n").await;
                assert_eq!(reader.status(), status, "{target}");
                // A page has to be able to read why.
                let head = reader.head.to_ascii_lowercase();
                assert!(head.contains("access-control-allow-origin: https://app.example.com"), "{head}");
                let told: serde_json::Value = serde_json::from_str(&reader.until_the_end().await).unwrap();
                assert_eq!(told["disconnect"]["code"], code, "{target}: {told}");
            }
        }
        for (target, fields, status) in [
            (
                "/connection/uni_sse?channels=users:a".to_owned(),
                format!("Authorization: Bearer {anyone}\r\n"),
                200,
            ),
            (format!("/connection/uni_sse?channels=limited:a%23ann&token={anyone}"), String::new(), 200),
            (
                "/connection/uni_sse?channels=news".to_owned(),
                "Origin: https://evil.example.com\r\n".to_owned(),
                403,
            ),
            (
                "/connection/sse?cf_connect=%7B%7D".to_owned(),
                "Origin: https://evil.example.com\r\n".to_owned(),
                403,
            ),
        ] {
            assert_eq!(Reader::get(server, &target, &fields).await.status(), status, "{target} {fields}");
        }
    });
}

#[test]
fn what_is_switched_off_is_not_there() {
    with_server(&[], async |server| {
        for path in ["sse", "http_stream", "uni_sse", "uni_http_stream", "uni_websocket"] {
            let reader = Reader::get(server, &format!("/connection/{path}?channels=news"), "").await;
            assert_eq!(reader.status(), 404, "{path}");
        }
        assert_eq!(Reader::post(server, "/emulation", "{}").await.status(), 404);
    });
}
