//! `openapi.json` against the real handlers: what it says is so, and what there is it says.

use super::*;

/// Requests that make each method say as much as it can.
fn examples() -> Vec<(&'static str, Value)> {
    let publish = json!({"channel": "a", "data": {"n": 1}, "tags": {"k": "v"}});
    vec![
        ("publish", publish.clone()),
        ("broadcast", json!({"channels": ["a", "bare:b", "unknown:c", ""], "data": 1})),
        ("subscribe", json!({"user": "ann", "channel": "a", "override": {"presence": {"value": true}}})),
        ("unsubscribe", json!({"user": "ann", "channel": "a"})),
        ("disconnect", json!({"user": "ann", "disconnect": {"code": 4000, "reason": "x"}})),
        ("refresh", json!({"user": "ann", "expire_at": 5})),
        ("presence", json!({"channel": "a"})),
        ("presence_stats", json!({"channel": "a"})),
        ("history", json!({"channel": "a", "limit": -1, "since": {"offset": 0}})),
        ("info", json!({})),
        ("rpc", json!({"method": "echo", "params": [1]})),
        ("channels", json!({"pattern": "*"})),
        ("block_user", json!({"user": "u", "expire_at": 5})),
        ("unblock_user", json!({"user": "u"})),
        ("revoke_token", json!({"uid": "t"})),
        ("invalidate_user_tokens", json!({"user": "u"})),
        ("drain", json!({"share": 0.5, "window": "10s"})),
        (
            "batch",
            json!({"commands": [{"publish": publish}, {"info": {}}, {"presence": {"channel": "unknown:a"}}, {"presence": {"channel": "a"}}]}),
        ),
        ("history_remove", json!({"channel": "a"})),
    ]
}

async fn document(served: &Served) -> Value {
    let mut client = Client::connect(served).await;
    client.send("GET /api/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answered = client.answer().await;
    assert_eq!((answered.status, answered.field("content-type")), (200, Some("application/json")));
    answered.json()
}

/// The schema that a reference names.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(path) => {
            document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path} is not there"))
        }
        None => schema,
    }
}

fn request<'d>(document: &'d Value, method: &str) -> &'d Value {
    let content =
        &document["paths"][format!("/{method}")]["post"]["requestBody"]["content"]["application/json"];
    resolved(document, &content["schema"])
}

/// Whether a value is what a schema says, and nothing in it that the schema does not know.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolved(document, schema);
    let is_kind = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(kind) => panic!("{at}: type {kind}"),
    };
    let is_enough =
        schema["minimum"].as_i64().is_none_or(|least| value.as_i64().is_none_or(|value| value >= least));
    if !is_kind || !is_enough {
        return Err(format!("{at}: {value} is not {schema}"));
    }
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item, &format!("{at}[]"))?;
    }
    let Some(fields) = value.as_object().filter(|_| schema["type"].is_string()) else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    let count = fields.len() as u64;
    if schema["minProperties"].as_u64().is_some_and(|least| count < least)
        || schema["maxProperties"].as_u64().is_some_and(|most| count > most)
    {
        return Err(format!("{at}: {count} fields"));
    }
    for (name, value) in fields {
        let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        let known = known.ok_or_else(|| format!("{at}: {name} is not described"))?;
        check(document, known, value, &format!("{at}.{name}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_method_is_described_and_answers_as_described() {
    let served = serve(configured()).await;
    let document = document(&served).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/api");
    let mut methods: Vec<_> = document["paths"].as_object().unwrap().keys().map(|path| &path[1..]).collect();
    let examples = examples();
    let mut tried: Vec<_> = examples.iter().map(|(method, _)| *method).collect();
    methods.sort_unstable();
    tried.sort_unstable();
    assert_eq!(methods, tried, "each has an example here");
    for (method, example) in &examples {
        check(&document, request(&document, method), example, method).unwrap();
        let schema = &document["paths"][format!("/{method}")]["post"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        let answered = call(&served, method, example).await;
        check(&document, schema, &answered, method).unwrap();
        assert!(answered["error"].is_null(), "{method}: {answered}");
        let refused = call_raw(&served, method, KEY, "{").await.json();
        check(&document, schema, &refused, method).unwrap();
    }
}

#[tokio::test]
async fn every_field_is_required_or_typed_as_described() {
    let served = serve(configured()).await;
    let document = document(&served).await;
    for (method, example) in examples() {
        let schema = request(&document, method);
        let required: Vec<_> =
            schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for name in &required {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(*name);
            let said = call(&served, method, &without).await["error"]["message"].to_string();
            assert!(said.contains(name) && said.contains("required"), "{method} without {name}: {said}");
        }
        for (name, property) in schema["properties"].as_object().unwrap() {
            check_types(&document, &served, method, &example, &[name], property).await;
            if !required.contains(&name.as_str()) && !matches!(name.as_str(), "data" | "uid") {
                let mut without = example.clone();
                without.as_object_mut().unwrap().remove(name);
                let answered = call(&served, method, &without).await;
                assert!(answered["error"].is_null(), "{method} without {name}: {answered}");
            }
        }
    }
}

/// Values of other types are refused, with a message that names the field; so in objects inside of the request.
async fn check_types(
    document: &Value,
    served: &Served,
    method: &str,
    example: &Value,
    path: &[&String],
    schema: &Value,
) {
    let name = path.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(".");
    for value in [json!("?\u{0}"), json!(true), json!(-7), json!(1.5), json!([{}, 5]), json!({"x": 5})] {
        if schema["type"].is_null() || check(document, schema, &value, "").is_ok() {
            continue;
        }
        let is_object = schema["type"] == "object" && schema["properties"].is_object() && value.is_object();
        // An object with a field that is not known is as good as an empty one; commands have replies of their own.
        if is_object || (name == "commands" && value.is_array()) {
            continue;
        }
        let mut wrong = value.clone();
        for name in path[1..].iter().rev() {
            wrong = json!({ name.as_str(): wrong });
        }
        let mut request = example.clone();
        request[path[0]] = wrong;
        if name == "b64data" {
            request.as_object_mut().unwrap().remove("data");
        }
        let answered = call(served, method, &request).await;
        let said = answered["error"]["message"].as_str().unwrap_or_default();
        let is_named = said.contains(&format!("field {name:?} must be"));
        assert!(answered["error"]["code"] == 107 && is_named, "{method} {name} {value}: {answered}");
    }
    for (inner, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path: Vec<_> = path.iter().copied().chain([inner]).collect();
        Box::pin(check_types(document, served, method, example, &path, schema)).await;
    }
}
