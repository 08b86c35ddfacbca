//! The operator of the lab: it makes Kafka, a schema registry and the services of one `EdaLab`.
//!
//! [`controller`] is the loop. Reads are in [`dereference`], writes in [`apply`], [`status`] and [`kafka`];
//! everything between ([`validate`], [`build`], [`observe`]) is pure. [`control`] is a second, faster loop, for what is
//! set while a lab runs.

pub mod apply;
pub mod build;
pub mod config;
pub mod control;
pub mod controller;
pub mod dereference;
pub mod drift;
pub mod events;
pub mod http;
pub mod kafka;
pub mod lease;
pub mod metrics;
pub mod observe;
pub mod outcome;
pub mod retry;
pub mod run;
pub mod status;
pub mod validate;

#[cfg(test)]
mod samples;
