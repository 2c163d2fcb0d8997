//! Several commands in one request: what each is answered, in which order, and what they may take.

use super::*;

#[tokio::test]
async fn a_batch_is_carried_out_command_by_command() {
    let served = serve(configured()).await;
    let commands = json!([
        {"publish": {"channel": "a", "data": 1}},
        {"publish": {"channel": "unknown:a", "data": 1}},
        {"shout": {}},
        {},
        null,
        {"batch": {"commands": []}},
        {"publish": 5},
        {"publish": null, "info": {}},
        {"history": {"channel": "a", "limit": 1}},
        {"broadcast": {"channels": ["a", ""], "data": 2}},
        {"history": {"channel": "a"}, "publish": {"channel": "a", "data": 3}},
    ]);
    let replies = call(&served, "batch", &json!({"commands": commands})).await["replies"].clone();
    assert_eq!(replies[0], json!({"publish": {"offset": 1, "epoch": "epoch"}}));
    assert_eq!(replies[1], json!({"error": {"code": 102, "message": "unknown channel"}}));
    for (index, code) in [(2, 104), (3, 104), (4, 107), (5, 107), (6, 107)] {
        assert_eq!(replies[index]["error"]["code"], code, "{index}: {replies}");
    }
    assert_eq!(replies[7]["info"]["nodes"][0]["uid"], "u");
    assert_eq!(replies[8]["history"]["publications"], json!([{"data": 1, "offset": 1}]));
    assert_eq!(replies[9]["broadcast"]["responses"][0], json!({"result": {"offset": 2, "epoch": "epoch"}}));
    assert_eq!(replies[10], json!({"publish": {"offset": 3, "epoch": "epoch"}}), "the table's order decides");
    assert_eq!(replies.as_array().unwrap().len(), 11);
    for spoilt in [json!(5), json!([])] {
        let answer = call(&served, "batch", &json!({"commands": [{"info": {}}, spoilt]})).await;
        assert_eq!(answer["error"]["code"], 107, "{spoilt}");
    }
}

#[tokio::test]
async fn a_batch_that_reads_too_much_ends_early() {
    let served = serve(configured()).await;
    let data = format!("\"{}\"", "x".repeat(17 << 20)).into_bytes().into();
    let long = wavecast_hub::Publication { data, offset: 1, is_json: true, ..Default::default() };
    served.backend.channels.lock().unwrap().insert("long".into(), vec![Arc::new(long)]);
    let mut commands = vec![json!({"history": {"channel": "long", "limit": 1}}); 5];
    commands.push(json!({"publish": {"channel": "a", "data": 1}}));
    for parallel in [false, true] {
        let batch = json!({"commands": commands, "parallel": parallel});
        let replies = call(&served, "batch", &batch).await["replies"].clone();
        for (index, reply) in replies.as_array().unwrap().iter().enumerate() {
            assert_eq!(reply["error"]["code"].as_u64(), (index >= 4).then_some(106), "{index}");
        }
    }
    assert!(!served.backend.channels.lock().unwrap().contains_key("a"), "what has no reply is not done");
}

#[tokio::test]
async fn more_history_than_an_answer_may_have_is_asked_for_in_parts() {
    let served = serve(configured()).await;
    let data: Box<[u8]> = format!("\"{}\"", "x".repeat(1 << 20)).into_bytes().into();
    let long = |offset| {
        let data = data.clone();
        Arc::new(wavecast_hub::Publication { data, offset, is_json: true, ..Default::default() })
    };
    served.backend.channels.lock().unwrap().insert("long".into(), (1..=64).map(long).collect());
    let answer = call(&served, "history", &json!({"channel": "long", "limit": -1})).await;
    assert_eq!(answer["error"]["code"], 106, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("limit"), "{answer}");
}

#[tokio::test]
async fn a_parallel_batch_does_not_wait_for_the_slowest_and_ends_in_time() {
    let mut config = configured();
    config.http_api.timeout = Duration::from_millis(300);
    let served = serve(config).await;
    let mut commands = vec![json!({"publish": {"channel": "full", "data": 0}}); 20];
    commands.extend((0..300).map(|n| json!({"publish": {"channel": "a", "data": n}})));
    let since = std::time::Instant::now();
    let batch = json!({"commands": commands, "parallel": true});
    let replies = call(&served, "batch", &batch).await["replies"].clone();
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let replies = replies.as_array().unwrap();
    assert!(replies[..20].iter().all(|reply| reply["error"]["code"] == 111));
    assert!(replies[20..].iter().all(|reply| reply["publish"]["offset"].is_u64()), "{replies:?}");
    // In order, those behind have no time left, and what can be done at once is done all the same.
    let batch = json!({"commands": commands, "parallel": false});
    let replies = call(&served, "batch", &batch).await["replies"].clone();
    assert_eq!(replies[0]["error"]["code"], 111);
    assert_eq!(served.backend.channels.lock().unwrap()["a"].len(), 600);
}
