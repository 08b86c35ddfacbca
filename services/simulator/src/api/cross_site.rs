//! What a page on the internet must not do: steer a lab that its reader has on localhost.

use axum::{
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::http::Problem;

/// Refuses what would change something and comes from another site's page, which browsers say by themselves (Fetch
/// Metadata Request Headers, section 2.1).
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let foreign = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if foreign && !reads {
        let detail = "a page of another site may not steer the lab";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}
