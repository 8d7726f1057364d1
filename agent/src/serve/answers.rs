//! Answers that are not successes, and answers that are streams of frames.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use td_protocol::job::Refusal;
use tokio::sync::mpsc::Receiver;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::agent::Refused;
use crate::store::blobs::BlobError;
use crate::store::share::ShareError;

/// A refusal with its status.
#[derive(Debug)]
pub struct Problem(StatusCode, String);

impl Problem {
    pub fn bad_request(message: impl std::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, message.to_string())
    }

    pub fn not_found(message: impl std::fmt::Display) -> Self {
        Self(StatusCode::NOT_FOUND, message.to_string())
    }

    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, message.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(Refusal { message: self.1 })).into_response()
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Unusable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Wrong(_) => StatusCode::BAD_REQUEST,
            Refused::NoJob(_) => StatusCode::NOT_FOUND,
            Refused::Replaced => StatusCode::CONFLICT,
        };
        Self(status, refused.to_string())
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        let status = match &error {
            BlobError::WrongHash { .. } => StatusCode::BAD_REQUEST,
            BlobError::Disk { .. } => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self(status, error.to_string())
    }
}

impl From<ShareError> for Problem {
    fn from(error: ShareError) -> Self {
        let status = match &error {
            ShareError::None => StatusCode::NOT_FOUND,
            ShareError::Busy | ShareError::Hangs(_) => StatusCode::SERVICE_UNAVAILABLE,
            ShareError::Disk { .. } => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self(status, error.to_string())
    }
}

/// A body of frames that ends when the sending thread does.
pub fn frames(receiver: Receiver<Bytes>) -> Response {
    let stream = ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>);
    ([(CONTENT_TYPE, "application/x-td-frames")], Body::from_stream(stream)).into_response()
}
