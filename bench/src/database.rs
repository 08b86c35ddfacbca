//! A service's tables, for what is measured beside it: with its pragmas, by SQLite's plain interface.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use edalab_tests::{
    rig::{
        service::{Service, Settings},
        stand::Stand,
    },
    wait,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A service's empty database, to be copied.
#[derive(Debug)]
pub(crate) struct Tables {
    folder: TempDir,
}

impl Tables {
    /// Lets the service make them.
    pub(crate) async fn of(stand: &Stand, program: &Path, service: &'static str) -> Result<Self> {
        let settings = Settings { service, ..stand.settings(program, "bench") };
        // It finds no broker, and so stores nothing.
        let mut service = Service::new(Settings { bootstrap: "127.0.0.1:9".to_owned(), ..settings })?;
        service.launch(&service.command()?)?;
        wait::until("the service's tables", Duration::from_secs(30), async || {
            service.look_up("/health").await.map(drop)
        })
        .await?;
        service.stop().await?;
        let folder = tempfile::Builder::new().prefix("edalab-bench-").tempdir()?;
        let made = service.database();
        std::fs::copy(&made, folder.path().join("empty.db"))
            .with_context(|| format!("copy {}", made.display()))?;
        Ok(Self { folder })
    }

    /// Where the copies are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A copy, in the place of the one before.
    pub(crate) fn copy(&self) -> Result<PathBuf> {
        let file = self.folder.path().join("run.db");
        for old in ["run.db", "run.db-wal", "run.db-shm"] {
            match std::fs::remove_file(self.folder.path().join(old)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        std::fs::copy(self.folder.path().join("empty.db"), &file)?;
        Ok(file)
    }
}

/// Opens a database as the services do.
pub(crate) fn open(file: &Path) -> Result<Connection> {
    let database = Connection::open(file)?;
    for (pragma, value) in [
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("journal_size_limit", "16777216"),
    ] {
        database.pragma_update(None, pragma, value)?;
    }
    Ok(database)
}
