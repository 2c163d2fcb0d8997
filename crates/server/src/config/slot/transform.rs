//! Reads `http.status_to_code_transforms`: what an HTTP status of a hook means to the client.

use serde_json::Value;
use wavecast_protocol::centrifuge::Disconnect;
use wavecast_websocket::REASON_BYTES_MAX;

use crate::config::settings::{StatusOutcome, StatusTransform};

const FORM: &str = "a list such as [{\"status_code\": 404, \"to_error\": {\"code\": 404, \"message\": \"not found\"}}], or \
    with \"to_disconnect\": {\"code\": 4504, \"reason\": \"…\"}";

/// The transforms; otherwise what is accepted, to follow "must be".
pub(super) fn read(value: &Value) -> Result<Vec<StatusTransform>, String> {
    let items = value.as_array().ok_or(FORM)?;
    items.iter().map(transform).collect()
}

fn transform(item: &Value) -> Result<StatusTransform, String> {
    let status = code(item.get("status_code"))
        .and_then(|code| u16::try_from(code).ok())
        .filter(|status| (100..=999).contains(status))
        .ok_or("a list whose every entry has a status_code from 100 to 999")?;
    let (error, disconnect) = (part(item, "to_error"), part(item, "to_disconnect"));
    let outcome = match (error, disconnect) {
        (Some((code, to)), None) => StatusOutcome::Error {
            code,
            message: text(to.get("message"))?,
            temporary: to.get("temporary").and_then(Value::as_bool).unwrap_or_default(),
        },
        (None, Some((code, to))) => StatusOutcome::Disconnect {
            code: u16::try_from(code).ok().filter(|code| Disconnect::CODES.contains(code)).ok_or_else(
                || format!("a list whose codes of to_disconnect are from 3000 to 4999, not {code}"),
            )?,
            reason: text(to.get("reason"))?,
        },
        _ => {
            return Err(format!(
                "a list whose every entry has a code either in to_error or in to_disconnect (status {status})"
            ));
        }
    };
    Ok(StatusTransform { status, outcome })
}

/// One of the two parts, if it has a code: a code of 0 is none, as Centrifugo writes it.
fn part<'v>(item: &'v Value, name: &str) -> Option<(u32, &'v Value)> {
    let to = item.get(name)?;
    code(to.get("code")).filter(|code| *code > 0).map(|code| (code, to))
}

fn code(value: Option<&Value>) -> Option<u32> {
    value?.as_u64().and_then(|code| u32::try_from(code).ok())
}

fn text(value: Option<&Value>) -> Result<String, String> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if text.len() > REASON_BYTES_MAX || !text.is_ascii() {
        return Err(format!("a list whose texts are ASCII of at most {REASON_BYTES_MAX} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_an_error_or_a_disconnect() {
        let read = read(&json!([
            {"status_code": 404, "to_error": {"code": 404, "message": "gone", "temporary": true}},
            {"status_code": 403, "to_error": {"code": 0}, "to_disconnect": {"code": 4403, "reason": "no"}},
        ]))
        .unwrap();
        assert_eq!(read[0].status, 404);
        assert_eq!(
            read[0].outcome,
            StatusOutcome::Error { code: 404, message: "gone".into(), temporary: true }
        );
        assert_eq!(read[1].outcome, StatusOutcome::Disconnect { code: 4403, reason: "no".into() });
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in [
            json!({}),
            json!("x"),
            json!([{"to_error": {"code": 1}}]),
            json!([{"status_code": 99, "to_error": {"code": 1}}]),
            json!([{"status_code": 404}]),
            json!([{"status_code": 404, "to_error": {"code": 1}, "to_disconnect": {"code": 4000}}]),
            json!([{"status_code": 404, "to_disconnect": {"code": 1000}}]),
            json!([{"status_code": 404, "to_error": {"code": 1, "message": "é"}}]),
            json!([{"status_code": 404, "to_error": {"code": 1, "message": "x".repeat(124)}}]),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
