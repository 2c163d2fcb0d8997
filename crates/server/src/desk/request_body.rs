//! A request's body: at most so many bytes, within so much time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::answer::{self, Answer};

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is longer than the limit, or says that it will be.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// The connection broke, or the body is not what its head announced.
    Broken,
}

impl BodyError {
    /// What the sender is told, where a body may have so many bytes.
    pub(super) fn answer(self, bytes_max: usize) -> Answer {
        match self {
            Self::TooLarge => answer::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("A request's body may have at most {bytes_max} bytes."),
            ),
            Self::TooSlow => {
                answer::text(StatusCode::REQUEST_TIMEOUT, "The request's body took too long to arrive.")
            }
            Self::Broken => {
                answer::text(StatusCode::BAD_REQUEST, "The request's body is not what its head announces.")
            }
        }
    }
}

/// A body that has been read, or has not.
#[derive(Debug)]
pub(super) struct RequestBody {
    incoming: Incoming,
    finished: bool,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self { finished: incoming.is_end_stream(), incoming }
    }

    /// Reads all of it. A length that is announced beyond the limit is not read at all.
    pub(super) async fn read(&mut self, bytes_max: usize, time_max: Duration) -> Result<Bytes, BodyError> {
        if self.incoming.size_hint().lower() > bytes_max as u64 {
            return Err(BodyError::TooLarge);
        }
        let body = Limited::new(&mut self.incoming, bytes_max).collect();
        match timeout(time_max, body).await {
            Ok(Ok(collected)) => {
                self.finished = true;
                Ok(collected.to_bytes())
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
            Ok(Err(_)) => Err(BodyError::Broken),
            Err(_) => Err(BodyError::TooSlow),
        }
    }

    /// Whether nothing of it is left in the connection, so that another request may follow.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }
}
