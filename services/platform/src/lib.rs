//! What every service of the lab shares.
//!
//! - [`config`] the environment that all services read; [`telemetry`] logs and traces; [`metrics`] numbers.
//! - [`http`] the hardened server, problem+json, and the operational endpoints.
//! - [`store`] one SQLite database: a data folder with one owner, a group-commit writer, a small pool of readers.
//! - [`outbox`] events leave in the transaction that made them true; a relay publishes them in order.
//! - [`consumer`] events of others have their effect once; what cannot be read goes to `dlq.errors`.
//! - [`control`] what is set for the whole lab while it runs.
//! - `ledger` what this service can say of every event that it made or heard.
//! - [`service`] wires all of it around what one service does.
//! - [`cause`] what an error is at its bottom; [`text`] texts of requests.
//! - [`kafka`] and [`registry`] the two neighbours that the relay talks to; [`record`] what
//!   comes from Kafka, and [`readable`] what people can read of it.
//! - [`crash`] named points at which a test build kills itself; [`shutdown`] how a process ends well.

mod backoff;
pub mod cause;
pub mod config;
pub mod consumer;
pub mod control;
pub mod crash;
pub mod http;
pub mod kafka;
mod ledger;
pub mod metrics;
pub mod outbox;
pub mod readable;
pub mod record;
pub mod registry;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod text;
