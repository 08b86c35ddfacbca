//! The API's description, generated from the handlers and their types.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "souscription",
        description = "Turns quotes into contracts (contrats), changes and ends them. Publishes ContratEmis, \
                       ContratModifie and ContratResilie.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(super::convert, super::read, super::list, super::change, super::end),
    tags((name = "contrats", description = "Contracts"))
)]
struct Description;

/// OpenAPI 3.1.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
