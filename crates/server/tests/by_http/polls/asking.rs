//! Plain polls: what is answered, in which form, and what is refused.

use serde_json::json;

use crate::served::{get, poll, publish, with_server};

#[test]
fn a_client_goes_on_from_where_it_was() {
    with_server(&[], async |server| {
        publish(server.node(), "news", "before").await;
        let now = poll(server, "channels=news,talk").await;
        assert_eq!(now.told(), (vec![], false), "from now on");
        publish(server.node(), "news", json!({"n": 1})).await;
        publish(server.node(), "talk", "hello").await;
        publish(server.node(), "news", json!({"n": 2})).await;
        let answer = poll(server, &format!("channels=news,talk&since={}", now.next())).await;
        assert_eq!(answer.told(), (vec![json!({"n": 1}), json!("hello"), json!({"n": 2})], false));
        let first = &answer.json()["publications"][0];
        assert_eq!((&first["channel"], &first["offset"]), (&json!("news"), &json!(2)));
        assert_eq!(answer.json()["more"], json!(null));
        let again = poll(server, &format!("channels=news,talk&since={}", answer.next())).await;
        assert_eq!((again.told().0, again.next()), (vec![], answer.next()));
        // The order of the channels is that of the question, and one that is new begins now.
        let other = poll(server, &format!("channels=talk,more&since={}", now.next())).await;
        assert_eq!(other.told(), (vec![json!("hello")], false));
        assert!(other.next().starts_with("talk:1:") && other.next().contains(",more:0:"), "{other:?}");
    });
}

#[test]
fn a_list_is_split_before_it_is_decoded() {
    with_server(&[], async |server| {
        let now = poll(server, "channels=a%2Cb,c").await;
        assert!(now.next().starts_with("a~2Cb:0:") && now.next().contains(",c:0:"), "{now:?}");
        publish(server.node(), "a,b", 1).await;
        let answer = poll(server, &format!("channels=a%2Cb,c&since={}", now.next())).await;
        assert_eq!(answer.told(), (vec![json!(1)], false));
        assert_eq!(answer.json()["publications"][0]["channel"], "a,b");
    });
}

#[test]
fn what_history_has_not_any_more_is_a_gap_in_its_channel() {
    with_server(&[], async |server| {
        let now = poll(server, "channels=small:a,news").await.next();
        for count in 0..4 {
            publish(server.node(), "small:a", count).await;
        }
        publish(server.node(), "news", "there").await;
        let answer = poll(server, &format!("channels=small:a,news&since={now}")).await;
        assert_eq!(answer.told(), (vec![json!("there")], true));
        assert_eq!(answer.json()["gaps"], json!(["small:a"]));
        let next = answer.next();
        assert_eq!(
            poll(server, &format!("channels=small:a,news&since={next}")).await.told(),
            (vec![], false)
        );
        let other_life = next.replace("news:1:", "news:1:x");
        let answer = poll(server, &format!("channels=small:a,news&since={other_life}")).await;
        assert_eq!((answer.json()["gaps"].clone(), answer.next()), (json!(["news"]), next));
    });
}

#[test]
fn a_cache_gives_its_latest() {
    with_server(&[], async |server| {
        let empty = poll(server, "channels=cache:a").await;
        assert_eq!(empty.told(), (vec![], false));
        let query = format!("channels=cache:a&since={}", empty.next());
        assert_eq!(
            poll(server, &query).await.told(),
            (vec![], false),
            "nothing is missing where nothing was"
        );
        publish(server.node(), "cache:a", 1).await;
        assert_eq!(poll(server, &query).await.told(), (vec![json!(1)], false));
        publish(server.node(), "cache:a", 2).await;
        let answer = poll(server, "channels=cache:a").await;
        assert_eq!(answer.told(), (vec![json!(2)], false));
        let query = format!("channels=cache:a&since={}", answer.next());
        assert_eq!(poll(server, &query).await.told(), (vec![], false));
        publish(server.node(), "cache:a", 3).await;
        publish(server.node(), "cache:a", 4).await;
        assert_eq!(poll(server, &query).await.told(), (vec![json!(4)], false));
    });
}

#[test]
fn an_answer_is_bounded_and_the_next_goes_on() {
    let limits = [("client.history_max_publication_limit", "3"), ("poll.response_max_size", "2000")];
    with_server(&limits, async |server| {
        let mut next = poll(server, "channels=busy,calm").await.next();
        for count in 0..7 {
            publish(server.node(), "busy", count).await;
        }
        publish(server.node(), "calm", "x".repeat(3000)).await;
        publish(server.node(), "calm", "small").await;
        let (mut busy, mut calm, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let answer = poll(server, &format!("channels=busy,calm&since={next}")).await;
            let json = answer.json();
            for publication in json["publications"].as_array().unwrap() {
                let of = if publication["channel"] == "busy" { &mut busy } else { &mut calm };
                of.push(publication["offset"].as_u64().unwrap());
            }
            sizes.push(json["publications"].as_array().unwrap().len());
            next = answer.next();
            if json["more"] != true {
                break;
            }
        }
        assert_eq!((busy, calm), ((1..=7).collect(), vec![1, 2]));
        // The large one fits no answer but one of its own, or behind nothing else.
        assert!(sizes.len() > 2 && sizes.iter().all(|size| (1..=4).contains(size)), "{sizes:?}");
    });
}

#[test]
fn whoever_has_the_answer_is_not_sent_it_again() {
    with_server(&[], async |server| {
        let now = poll(server, "channels=news").await;
        let (tag, target) = (
            now.field("etag").unwrap().to_owned(),
            format!("/connection/poll?channels=news&since={}", now.next()),
        );
        assert_eq!(now.field("cache-control"), Some("private, no-cache"));
        for (known, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"other\", {tag}"), 304),
            ("*".into(), 304),
            ("\"other\"".into(), 200),
        ] {
            let answer = get(server, &target, &format!("If-None-Match: {known}\r\n")).await;
            assert_eq!(answer.status, status, "{known}");
            assert_eq!((answer.field("etag"), answer.body.is_empty()), (Some(&*tag), status == 304));
        }
        publish(server.node(), "news", 1).await;
        let answer = get(server, &target, &format!("If-None-Match: {tag}\r\n")).await;
        assert_eq!(answer.told(), (vec![json!(1)], false));
        assert_ne!(answer.field("etag"), Some(&*tag));
        let in_address = poll(server, "channels=news&token=").await;
        assert_eq!(in_address.field("cache-control"), Some("no-store"));
    });
}

#[test]
fn a_long_answer_is_compressed_for_who_takes_that() {
    with_server(&[], async |server| {
        let now = poll(server, "channels=news").await.next();
        publish(server.node(), "news", "wave ".repeat(2000)).await;
        let target = format!("/connection/poll?channels=news&since={now}");
        let plain = get(server, &target, "").await;
        assert_eq!((plain.field("content-encoding"), plain.body.len() > 10_000), (None, true));
        let gzip = get(server, &target, "Accept-Encoding: gzip\r\n").await;
        assert_eq!((gzip.field("content-encoding"), gzip.body.len() < 1000), (Some("gzip"), true));
        assert!(gzip.body.starts_with(&[0x1f, 0x8b]));
        assert!(gzip.head.to_ascii_lowercase().contains("vary: accept-encoding"), "{}", gzip.head);
        let tag = gzip.field("etag").unwrap();
        assert_ne!(Some(tag), plain.field("etag"));
        let known = format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
        assert_eq!(get(server, &target, &known).await.status, 304);
    });
}

#[test]
fn bad_input_is_answered_with_what_is_wrong() {
    with_server(&[("client.channel_limit", "3")], async |server| {
        for (query, status, code, words) in [
            ("", 400, 107, "channels=… names one channel or more"),
            ("channels=", 400, 107, "channels=… names one channel or more"),
            ("channels=a,,b", 400, 107, "an empty name"),
            ("channels=a,a", 400, 107, "twice"),
            ("channels=a,b,c,d", 400, 107, "client.channel_limit"),
            ("channels=%FF", 400, 107, "not UTF-8"),
            ("channels=a&wait=x", 400, 107, "whole number of seconds"),
            ("channels=a&wait=-1", 400, 107, "whole number of seconds"),
            ("channels=a&since=a", 400, 107, "channel:offset:epoch"),
            ("channels=a&since=a:x:e", 400, 107, "the offset is a number"),
            ("channels=a&since=a:1:e,b:1:e,c:1:e,d:1:e", 400, 107, "at most 3 channels"),
            ("channels=a&since=a:1:%00", 200, 0, ""),
            ("channels=%00", 400, 107, "printable ASCII"),
            ("channels=%C3%A4", 400, 107, "printable ASCII"),
            (&*format!("channels={}", "a".repeat(300)), 400, 107, "at most 255"),
            ("channels=digits:x", 400, 107, "channel_regex"),
            ("channels=digits:7", 200, 0, ""),
            ("channels=nowhere:a", 404, 102, "unknown channel"),
            ("channels=bare:a", 400, 108, "not available"),
            ("channels=a&token=x", 401, 3500, "invalid token"),
        ] {
            let answer = poll(server, query).await;
            assert_eq!(answer.status, status, "{query}: {answer:?}");
            if status != 200 {
                assert_eq!(answer.code(), code, "{query}: {answer:?}");
                let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.contains(words), "{query}: {message}");
                assert_eq!(answer.field("cache-control"), Some("no-store"));
            }
        }
        let bare = poll(server, "channels=a,bare:a").await;
        assert_eq!(bare.json()["error"]["channel"], "bare:a");
    });
}

#[test]
fn the_endpoint_is_there_where_it_is_switched_on() {
    with_server(&[("poll.handler_prefix", "/p")], async |server| {
        assert_eq!(get(server, "/p?channels=a", "").await.status, 200);
        assert_eq!(poll(server, "channels=a").await.status, 404);
    });
    with_server(&[("poll.enabled", "false")], async |server| {
        assert_eq!(poll(server, "channels=a").await.status, 404);
    });
}

#[test]
fn pages_of_other_origins_may_poll_where_they_may_connect() {
    with_server(&[], async |server| {
        let target = "/connection/poll?channels=a";
        let allowed = get(server, target, "Origin: https://app.example.com\r\n").await;
        assert_eq!(allowed.status, 200);
        assert_eq!(allowed.field("access-control-allow-origin"), Some("https://app.example.com"));
        let refused = get(server, target, "Origin: https://evil.example.com\r\n").await;
        assert_eq!((refused.status, refused.field("access-control-allow-origin")), (403, None));
        let mut connection = crate::served::Connection::to(server.address()).await;
        let preflight = format!(
            "OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.com\r\n\
             Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n\r\n"
        );
        tokio::io::AsyncWriteExt::write_all(&mut connection.stream, preflight.as_bytes()).await.unwrap();
        let preflight = connection.answer().await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.field("access-control-allow-headers"), Some("authorization"));
        let posted = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut connection.stream, posted.as_bytes()).await.unwrap();
        assert_eq!(connection.answer().await.status, 405);
    });
}
