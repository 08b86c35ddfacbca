//! The API's description, generated from the handlers and their types.

use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "reclamation",
        description = "Takes claims (sinistres) on contracts, has them judged and pays them. Publishes SinistreDeclare, \
                       SinistreEvalue and IndemnisationEffectuee.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(super::declare, super::read, super::list, super::inspect, super::judge, super::pay),
    tags((name = "sinistres", description = "Claims"))
)]
struct Description;

/// OpenAPI 3.1.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
