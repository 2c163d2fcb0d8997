//! Which room answers whom: the key, the paths, the pages, the development profile.

use super::*;

#[tokio::test]
async fn only_who_shows_the_key_may_call() {
    let served = serve(configured()).await;
    let body = r#"{"channel":"a","data":1}"#;
    for headers in
        ["", "X-API-Key: wrong\r\n", "Authorization: apikey wrong\r\n", "Authorization: Bearer s3cret\r\n"]
    {
        let answered = call_raw(&served, "publish", headers, body).await;
        assert_eq!(answered.status, 401, "{headers}");
        assert_eq!(answered.field("www-authenticate"), Some("apikey"));
        assert!(answered.text().contains("X-API-Key") && !answered.text().contains("s3cret"), "{answered:?}");
    }
    for (method, headers) in
        [("publish", KEY), ("publish", "Authorization: apikey s3cret\r\n"), ("publish?api_key=s3cret", "")]
    {
        assert_eq!(call_raw(&served, method, headers, body).await.status, 200, "{method} {headers}");
    }
    let unset = serve(Config::default()).await;
    let answered = call_raw(&unset, "publish", "X-API-Key: \r\n", body).await;
    assert_eq!(answered.status, 401);
    assert!(answered.text().contains("set http_api.key"), "{answered:?}");
}

#[tokio::test]
async fn what_is_not_there_is_said_helpfully() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    let mut get = async |method: &str, path: &str| {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        client.answer().await
    };
    let missing = get("GET", "/nothing").await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.text(),
        "There is nothing at /nothing. This is Wavecast:\n  WebSocket clients connect to /connection/websocket\n  \
         the HTTP API is at POST /api/<method>\n  its methods are described at GET /api/openapi.json\n  health is at \
         GET /health, /health/live and /health/ready\n  metrics are at GET /metrics\n"
    );
    assert_eq!(missing.field("x-content-type-options"), Some("nosniff"));
    let wrong = get("DELETE", "/health").await;
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("GET, HEAD")));
    let wrong = get("GET", "/api/publish").await;
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("POST")));
    assert_eq!(wrong.text(), "/api/publish answers POST only.\n");
    let plain = get("GET", "/connection/websocket").await;
    assert_eq!((plain.status, plain.field("upgrade")), (426, Some("websocket")));
    assert!(plain.text().contains("proxy"), "{plain:?}");
    assert_eq!(get("GET", "/").await.status, 404, "pages are off");
    assert_eq!(get("GET", "/api").await.status, 404);
}

#[tokio::test]
async fn pages_come_with_a_tag_and_a_policy() {
    let mut config = configured();
    config.pages.enabled = true;
    let served = serve(config).await;
    let mut client = Client::connect(&served).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let page = client.answer().await;
    assert_eq!(page.status, 200);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert!(page.field("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert_eq!(page.field("cache-control"), Some("no-cache"));
    let tag = page.field("etag").unwrap();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", W/{tag}\r\n\r\n")).await;
    let known = client.answer().await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip\r\n\r\n").await;
    let packed = client.answer().await;
    assert_eq!(
        (packed.field("content-encoding"), packed.field("vary")),
        (Some("gzip"), Some("accept-encoding"))
    );
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < page.body.len() / 2);
    assert_ne!(packed.field("etag"), Some(tag), "other bytes");
    assert_eq!((page.field("content-encoding"), page.field("vary")), (None, Some("accept-encoding")));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 405);
}

#[tokio::test]
async fn demo_pages_are_there_only_where_they_are_switched_on() {
    for (pages, demo) in [(true, false), (false, true), (true, true)] {
        let mut config = configured();
        (config.pages.enabled, config.demo.enabled) = (pages, demo);
        let served = serve(config).await;
        let mut client = Client::connect(&served).await;
        let mut get = async |path: &str, host: &str| {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            client.answer().await
        };
        let is_there = demo && crate::pages::full_build();
        for path in ["/demo", "/demo/", "/demo/chat", "/demo/chat/"] {
            let answer = get(path, "a").await;
            assert_eq!(answer.status, if is_there { 200 } else { 404 }, "{path} {pages} {demo}");
            let said = String::from_utf8_lossy(&answer.body).contains("are not in this build");
            assert_eq!(said, demo && !is_there, "{path} {pages} {demo}");
        }
        let start = get("/", "a").await;
        assert_eq!(start.status, if pages { 200 } else { 404 });
        let leads_there = (pages && is_there).then_some("</demo/>; rel=\"related\"");
        assert_eq!(start.field("link"), leads_there, "{pages} {demo}");
        if is_there {
            assert_eq!(get("/favicon.svg", "a").await.status, 200);
            let page = get("/demo/", "box.test:8000").await;
            let policy = page.field("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'self'"), "{policy}");
            assert!(policy.ends_with("; connect-src 'self' ws://box.test:* wss://box.test:*"), "{policy}");
            let page = get("/demo/", "[::1]:8000").await;
            assert!(!page.field("content-security-policy").unwrap().contains("connect-src"));
        }
    }
}

#[tokio::test]
async fn the_development_profile_keeps_other_hosts_and_pages_out() {
    let config = crate::config::load_from(None, [], &crate::config::Overrides::default()).unwrap().config;
    let served = serve_as(config, Profile::Development).await;
    let send = async |host: &str, origin: &str| {
        let mut client = Client::connect(&served).await;
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let body = r#"{"channel":"a","data":1}"#;
        let length = body.len();
        client
            .send(format!(
                "POST /api/publish HTTP/1.1\r\nHost: {host}\r\n{origin}Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        client.answer().await
    };
    assert_eq!(send("localhost:8000", "").await.status, 200);
    assert_eq!(send("127.0.0.1:8000", "http://127.0.0.1:8000").await.status, 200);
    let rebound = send("evil.test:8000", "").await;
    assert_eq!(rebound.status, 421);
    assert!(
        rebound.text().contains("development profile") && rebound.text().contains("evil.test"),
        "{rebound:?}"
    );
    let foreign = send("localhost:8000", "https://evil.test").await;
    assert_eq!(foreign.status, 403);
    assert!(foreign.text().contains("evil.test"), "{foreign:?}");
    assert_eq!(served.backend.channels.lock().unwrap()["a"].len(), 2);
    let mut client = Client::connect(&served).await;
    client.send("GET http://evil.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 421, "an absolute target says whom the request is for");
}
