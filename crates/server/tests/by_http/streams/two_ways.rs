//! Sessions that go two ways: commands come by requests of their own. (Their whole behaviour is tested with the library that
//! speaks so, in tests/node.)

use serde_json::{Value, json};

use super::ON;
use super::reader::Reader;
use crate::served::with_server;

async fn say(
    server: &wavecast_server::PushServer,
    session: &Value,
    node: &Value,
    data: &str,
) -> (u16, String) {
    let body = json!({ "session": session, "node": node, "data": data }).to_string();
    let length = body.len();
    let request = format!(
        "POST /emulation HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let reader = Reader::ask(server, &request).await;
    (reader.status(), reader.until_the_end().await)
}

#[test]
fn commands_come_beside_the_stream_and_only_by_its_name() {
    with_server(ON, async |server| {
        let mut one = Reader::post(server, "/connection/http_stream", r#"{"id":1,"connect":{}}"#).await;
        let mut other = Reader::post(server, "/connection/http_stream", r#"{"id":1,"connect":{}}"#).await;
        let [of_one, of_other] = [one.line().await, other.line().await];
        let (session, node) = (&of_one["connect"]["session"], &of_one["connect"]["node"]);
        assert_ne!(session, &of_other["connect"]["session"]);
        assert_ne!(session, &of_one["connect"]["client"], "others see that name");
        let subscribe = "{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}\n{\"id\":3,\"ping\":{}}";
        assert_eq!(say(server, session, node, subscribe).await, (204, String::new()));
        assert_eq!(one.line().await["id"], 2);
        assert_eq!(one.line().await["id"], 3);

        for (session, node, status) in [
            (&json!("nobody"), node, 404),
            (&json!(""), node, 404),
            (&of_one["connect"]["client"], node, 404),
            (session, &json!("another"), 404),
            (session, node, 204),
        ] {
            assert_eq!(
                say(server, session, node, "{\"id\":9,\"ping\":{}}").await.0,
                status,
                "{session} {node}"
            );
        }
        assert_eq!(one.line().await["id"], 9);
        // What is no command ends the session, as on a WebSocket, and its last words say why.
        assert_eq!(say(server, session, node, "x").await.0, 204);
        assert_eq!(
            one.until_the_end().await,
            "{\"push\":{\"disconnect\":{\"code\":3501,\"reason\":\"bad request\"}}}\n"
        );
        assert_eq!(say(server, session, node, "{\"id\":10,\"ping\":{}}").await.0, 404, "it has ended");
        assert_eq!(say(server, &of_other["connect"]["session"], node, "{\"id\":4,\"ping\":{}}").await.0, 204);
        assert_eq!(other.line().await["id"], 4);
    });
}

#[test]
fn who_leaves_is_gone() {
    with_server(ON, async |server| {
        let target = "/connection/sse?cf_connect=%7B%22id%22:1,%22connect%22:%7B%7D%7D";
        let mut reader = Reader::get(server, target, "").await;
        assert_eq!(reader.event().await.data.unwrap()["id"], 1);
        assert_eq!(server.node().info().num_clients, 1);
        drop(reader);
        let begun = std::time::Instant::now();
        while server.node().info().num_clients > 0 {
            assert!(begun.elapsed() < crate::served::SOON);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
}
