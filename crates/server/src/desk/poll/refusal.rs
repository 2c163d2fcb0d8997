//! Why a poll is not answered, as its client is told: the code of the client protocol, and a status that fits it.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use crate::desk::answer::{self, Answer};
use crate::polling::PollRefusal;

/// Something is wrong with what stands in the address.
pub(super) fn bad_request(problem: &str) -> Answer {
    let message = format!("bad request: {problem}").into();
    refused(&PollRefusal { code: Error::BAD_REQUEST.code, message, channel: None })
}

/// The server holds as many waiting polls as it may.
pub(super) fn too_many_wait() -> Answer {
    let message = "too many requests: as many polls wait as may (poll.waiting_limit)".into();
    let refusal = PollRefusal { code: Error::TOO_MANY_REQUESTS.code, message, channel: None };
    refused(&refusal)
}

/// Answers to polls that nobody reads take as much memory as they may.
pub(super) fn too_many_unsent() -> Answer {
    let message = "too many requests: as much waits for clients as may (poll.unsent_max_size)".into();
    refused(&PollRefusal { code: Error::TOO_MANY_REQUESTS.code, message, channel: None })
}

/// What the server says of it.
pub(super) fn refused(refusal: &PollRefusal) -> Answer {
    let PollRefusal { code, message, channel } = refusal;
    // A session that may not be anonymous is ended with this; here it can be said what would help.
    let wants_token = *code == u32::from(Disconnect::BAD_REQUEST.code);
    let message = if wants_token { "a connection token is needed" } else { message };
    let body = Body { error: Fields { code: *code, message, channel: channel.as_deref() } };
    // Numbers and strings cannot fail to be written to memory.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    let status = status(*code);
    let mut answer = answer::json(status, json);
    let headers = answer.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// The statuses of the API's errors, and beside them those of what ends a session, or a back end refuses.
fn status(code: u32) -> StatusCode {
    match code {
        100 | 3004 => StatusCode::INTERNAL_SERVER_ERROR,
        101 | 109 | 110 | 3005 | 3500 | 3501 => StatusCode::UNAUTHORIZED,
        102 => StatusCode::NOT_FOUND,
        107 | 108 | 3505 => StatusCode::BAD_REQUEST,
        // The server's limits, not the client's: somebody else may be asked.
        106 | 111 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    code: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
}
