//! The lab's real parts as child processes on loopback ports, with their data in temporary folders.

pub mod apiserver;
pub mod axe;
pub mod browser;
pub mod cluster;
pub mod container;
pub mod control;
pub mod door;
pub mod home;
pub mod java;
pub mod kafka;
pub mod kubelet;
pub mod lab;
pub mod ledger;
pub mod operator;
pub mod parts;
pub mod ports;
pub mod process;
pub mod program;
pub mod proxy;
pub mod python;
pub mod registry;
pub mod run;
pub mod service;
pub mod stand;
pub mod tab;
