//! What can go wrong for the person at the terminal: what failed, why, and what to do next.

use std::{
    io,
    path::{Path, PathBuf},
};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something that the machine or the lab's state does not allow, with the way out.
    #[error("{what}\n  next: {next}")]
    Cannot { what: String, next: String },

    /// A program that we ran failed. `tail` holds its last lines.
    #[error("{step}: {why}\n{tail}\n  log:  {}\n  next: {next}", log.display())]
    Step { step: String, why: String, tail: String, log: PathBuf, next: String },

    #[error("{action}: {source}")]
    Io { action: String, source: io::Error },

    #[error(
        "{action}: the lab's cluster does not answer: {source}\n  \
         next: run `edalab up`, which brings a stopped lab back with its data"
    )]
    Unreachable { action: String, source: Box<kube::Error> },

    #[error("{action}: the lab's cluster answers: {source}")]
    Kubernetes { action: String, source: Box<kube::Error> },
}

impl Error {
    pub(crate) fn io(action: &str, source: io::Error) -> Self {
        Self::Io { action: action.into(), source }
    }

    pub(crate) fn path(action: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { action: format!("{action} {}", path.display()), source }
    }

    pub(crate) fn kube(action: &str) -> impl FnOnce(kube::Error) -> Self + use<> {
        let action = action.to_owned();
        move |source| match source {
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                Self::Unreachable { action, source: Box::new(source) }
            }
            source => Self::Kubernetes { action, source: Box::new(source) },
        }
    }
}
