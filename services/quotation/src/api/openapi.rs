//! The API's description, generated from the handlers and their types.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "quotation",
        description = "Makes quotes (devis), and expires them. Publishes DevisGenere and DevisExpire.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(super::generate, super::read, super::list),
    tags((name = "devis", description = "Quotes"))
)]
struct Description;

/// OpenAPI 3.1.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
