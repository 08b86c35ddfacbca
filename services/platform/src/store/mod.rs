//! One SQLite database per service: one owner, one writer that commits in groups, a few readers.

mod batch;
mod column;
mod command;
mod folder;
mod page;
mod writer;

use std::{path::PathBuf, time::Duration};

pub(crate) use batch::together;
pub use batch::{Batch, NewRow};
pub use column::{bytes, instant, uuid};
pub use command::{CommandError, Write, encoded};
pub use folder::{DataFolder, FolderError};
pub use page::{Cursor, Page, undecodable};
use sqlx::{
    ConnectOptions as _, SqlSafeStr as _, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
pub use writer::{Work, WriteError, Writer};

use crate::{
    consumer::Position,
    metrics::Metrics,
    outbox::{Outbox, OutboxError},
};

/// History of the platform's own tables, apart from the service's.
const MIGRATIONS_TABLE: &str = "_platform_migrations";

/// Readers at a time. SQLite reads beside a writer in WAL mode, and a page of quotes takes well under 1 ms.
const READERS: u32 = 4;

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the database {} cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: sqlx::Error },
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("the consumer's offsets cannot be read: {0}")]
    Position(sqlx::Error),
}

impl StoreError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Folder(error) => error.reason(),
            Self::Open { .. } | Self::Position(_) => "DatabaseUnusable",
            Self::Migrate(_) => "MigrationFailed",
            Self::Outbox(error) => error.reason(),
        }
    }
}

/// A service's open database.
#[derive(Debug, Clone)]
pub struct Store {
    pub writer: Writer,
    pub readers: SqlitePool,
    pub outbox: Outbox,
    pub(crate) position: Position,
}

impl Store {
    /// Opens `<folder>/<name>.db`, brings the platform's and the service's tables up to date, and starts the writer,
    /// which keeps the folder owned.
    pub async fn open(
        folder: DataFolder,
        name: &str,
        migrations: &Migrator,
        outbox_capacity: u32,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        let path = folder.path().join(format!("{name}.db"));
        let failed = |source| StoreError::Open { path: path.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .disable_statement_logging();

        let mut connection = connect_writer(&options).await.map_err(failed)?;
        let mut own = migrator([
            ("outbox", include_str!("../../migrations/0001_outbox.sql")),
            ("consumer", include_str!("../../migrations/0002_consumer.sql")),
            ("ledger", include_str!("../../migrations/0003_ledger.sql")),
        ]);
        own.dangerous_set_table_name(MIGRATIONS_TABLE);
        own.run_direct(None, &mut connection, false).await?;
        migrations.run_direct(None, &mut connection, false).await?;

        let outbox = Outbox::open(&mut connection, outbox_capacity, metrics).await?;
        let position = Position::open(&mut connection).await.map_err(StoreError::Position)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let writer = Writer::start(folder, connection, outbox.clone(), metrics);
        Ok(Self { writer, readers, outbox, position })
    }

    /// Ends the readers, then the writer. The data folder is free when this returns.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A database's history: the name and the SQL of each step, numbered from 1 in this order. (sqlx's macro would read the
/// folder, and have the compiler make SQLite a second time for itself.)
pub fn migrator(steps: impl IntoIterator<Item = (&'static str, &'static str)>) -> Migrator {
    let steps = (1..).zip(steps).map(|(number, (name, sql))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}

/// WAL with `synchronous=FULL`: COMMIT returns after fdatasync of the log, so what was answered with 2xx survives
/// a power cut. (WAL's usual NORMAL would only survive a crash of the process.)
async fn connect_writer(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // After a burst the log shrinks back to 16 MiB, and does not keep the burst's size for ever.
        .pragma("journal_size_limit", "16777216")
        .connect()
        .await
}
