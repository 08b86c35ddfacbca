//! The API's description, generated from the handlers and their types.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "simulator",
        description = "Drives quotation and souscription by their APIs, as many clients would. What steers it is written \
                       into the lab's custom resource.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(super::start, super::stop, super::speed, super::scenario, super::status),
    tags((name = "simulator", description = "The simulation"))
)]
struct Description;

/// OpenAPI 3.1.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
