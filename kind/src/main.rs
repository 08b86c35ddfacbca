//! `edalab`: the lab on one machine. Every command of the Makefile is one call of it.

mod build;
mod cli;
mod cluster;
mod commands;
mod docker;
mod engine;
mod error;
mod fault;
mod hash;
mod home;
mod kubernetes;
mod lab;
#[cfg(target_os = "linux")]
mod oci_runtime;
mod ports;
mod preflight;
mod progress;
mod versions;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if called_as(engine::OCI_RUNTIME) {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        return exit(oci_runtime::run(&arguments).map(|()| true));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a process can have a timer and a poller");
    exit(runtime.block_on(commands::run(cli::Cli::parse())))
}

/// 0: done, and all is well. 1: done, and something is not well. 2: not done.
fn exit(result: error::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{} {e}", console::style("edalab:").red().for_stderr());
            ExitCode::from(2)
        }
    }
}

#[cfg(target_os = "linux")]
fn called_as(name: &str) -> bool {
    std::env::args_os()
        .next()
        .is_some_and(|path| std::path::Path::new(&path).file_name() == Some(name.as_ref()))
}
