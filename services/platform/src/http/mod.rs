//! The HTTP side of a service: a server that cannot be filled up, problem+json, and the operational endpoints.

mod body;
mod created;
pub mod described;
mod guard;
mod list;
mod operations;
mod problem;
mod server;
mod stall;
#[cfg(test)]
mod tests;

pub use body::{Fields, read_json, read_object};
pub use created::created;
pub(crate) use guard::describe_method_refusal;
pub use guard::{Guard, Limits};
pub use list::{ListQuery, PathId, named};
pub use operations::{Readiness, operations};
pub use problem::{Problem, Violation};
pub use server::serve;
