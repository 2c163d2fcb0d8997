//! The table of methods as an OpenAPI 3.1 document.

use serde_json::{Map, Value, json};

use super::methods::{BATCH, METHODS, Method};
use super::schema::{Field, Kind};
use crate::VERSION;

/// The document, for an API at this path.
pub(super) fn document(prefix: &str) -> Vec<u8> {
    let paths: Map<String, Value> =
        METHODS.iter().map(|method| (format!("/{}", method.name), path(method))).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wavecast HTTP API",
            "version": VERSION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": "What a back end asks of the server. Unless said otherwise it is as in Centrifugo. An answer means \
                that all of it has been done, on every shard. Fields that are not known are passed over; null is the same as \
                absent, but for payloads.",
        },
        "servers": [{"url": prefix}],
        "security": [{"header": []}, {"authorization": []}, {"query": []}],
        "paths": paths,
        "components": {"schemas": schemas(), "securitySchemes": {
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "authorization": {
                "type": "apiKey", "in": "header", "name": "Authorization", "description": "apikey, a space, and the key.",
            },
            "query": {"type": "apiKey", "in": "query", "name": "api_key"},
        }},
    });
    document.to_string().into_bytes()
}

fn path(method: &Method) -> Value {
    let mut codes = method.errors.to_vec();
    codes.push(107);
    codes.sort_unstable();
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let text = |description: &str| json!({"description": description, "content": {"text/plain": {}}});
    json!({"post": {
        "operationId": method.name,
        "summary": method.about,
        "description": format!("Errors: {}.", codes.join(", ")),
        "parameters": [{
            "name": "X-Centrifugo-Error-Mode", "in": "header", "required": false,
            "schema": {"type": "string", "enum": ["transport"]},
            "description": "Errors set the status, and are the whole answer.",
        }],
        "requestBody": {"required": !method.fields.is_empty(), "content": content(reference(&request_name(method.name)))},
        "responses": {
            "200": {
                "description": "What came of it, or an error.",
                "content": content(reference(&response_name(method.name))),
            },
            "401": text("The key is not shown."),
            "408": text("The request took too long to arrive."),
            "413": text("The request is longer than http_api.max_request_body_size."),
            "default": {
                "description": "An error, where errors set the status: 404 for 102 and 104, 400 for 106, 107 and 108, 429 for \
                    111, 416 for 112, 500 for 100.",
                "content": content(reference("Error")),
            },
        },
    }})
}

fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    let error = [
        Field::required("code", Kind::Whole, "The protocol's number."),
        Field::required("message", Kind::Text, "What is wrong, for people."),
    ];
    schemas.insert("Error".into(), object(&error));
    for method in METHODS {
        schemas.insert(request_name(method.name), object(method.fields));
        schemas.insert(result_name(method.name), object(method.result));
        let result = match method.name {
            // Nothing stands around its replies.
            BATCH => reference(&result_name(BATCH)),
            name => alternatives(vec![("result", reference(&result_name(name)))]),
        };
        schemas.insert(response_name(method.name), result);
    }
    let single = || METHODS.iter().filter(|method| method.name != BATCH);
    let commands: Map<_, _> =
        single().map(|method| (method.name.into(), reference(&request_name(method.name)))).collect();
    schemas.insert(
        "Command".into(),
        json!({"type": "object", "properties": commands, "minProperties": 1, "maxProperties": 1}),
    );
    let replies = single().map(|method| (method.name, reference(&result_name(method.name))));
    schemas.insert("Reply".into(), alternatives(replies.collect()));
    schemas
}

/// An object with one of these fields, or with an error.
fn alternatives(fields: Vec<(&str, Value)>) -> Value {
    let error = [("error", reference("Error"))];
    let properties: Map<_, _> =
        fields.into_iter().chain(error).map(|(name, schema)| (name.into(), schema)).collect();
    json!({"type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1})
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.into(), described(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn described(field: &Field) -> Value {
    let mut schema = schema(&field.kind);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".into(), field.about.into());
    }
    schema
}

fn schema(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Base64 => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Json => json!({}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole => json!({"type": "integer", "minimum": 0}),
        Kind::Limit => json!({"type": "integer", "minimum": -1}),
        Kind::Code => json!({"type": "integer", "minimum": 3000, "maximum": 4999}),
        Kind::Number => json!({"type": "number"}),
        Kind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Time => json!({"type": "string"}),
        Kind::List(item) => json!({"type": "array", "items": schema(item)}),
        Kind::Map(value) => json!({"type": "object", "additionalProperties": schema(value)}),
        Kind::Object(fields) => object(fields),
        Kind::Named(name) => reference(name),
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn request_name(method: &str) -> String {
    format!("{}Request", camel(method))
}

fn result_name(method: &str) -> String {
    format!("{}Result", camel(method))
}

fn response_name(method: &str) -> String {
    format!("{}Response", camel(method))
}

/// `history_remove` as `HistoryRemove`.
fn camel(name: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}
