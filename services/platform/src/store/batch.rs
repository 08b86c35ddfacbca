//! A transaction of the writer's, and what its commands do in it.
//!
//! A statement costs more than a row: the connection has a thread of its own, which is woken for each. So what commands
//! only add is kept until somebody reads, or the transaction ends, and then goes in together.

use std::{fmt, mem};

use sqlx::{Executor as _, QueryBuilder, Sqlite, SqliteConnection, query_builder::Separated};

use super::writer::Job;
use crate::{
    consumer::Letter,
    crash,
    outbox::{Appended, Outbox, OutboxError, Outgoing, Queued},
};

/// A row that nothing can refuse, because its key is new.
pub trait NewRow: fmt::Debug + Send + Sync {
    /// `INSERT INTO … (…) `, up to the values.
    fn insert(&self) -> &'static str;
    /// Binds the row's values, in the order of the columns.
    fn bind(&self, values: Separated<'_, Sqlite, &'static str>);
}

/// The transaction as a command sees it.
#[derive(Debug)]
pub struct Batch {
    connection: SqliteConnection,
    outbox: Outbox,
    appended: Appended,
    added: Added,
    command: Command,
    /// What has failed that belongs to no single command.
    failure: Option<CommitFailure>,
}

/// What is not in the database yet.
#[derive(Debug, Default)]
struct Added {
    rows: Vec<Box<dyn NewRow>>,
    events: Vec<Queued>,
}

/// The command under way.
#[derive(Debug)]
struct Command {
    before: Appended,
    /// Of what is not in the database yet: how much others have added.
    rows: usize,
    events: usize,
    savepoint: Savepoint,
}

/// The transaction's savepoint, which commands that only add do not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoint {
    None,
    Earlier,
    Own,
}

impl Batch {
    pub(super) fn new(connection: SqliteConnection, outbox: Outbox) -> Self {
        let appended = outbox.appended();
        let command = Command { before: appended, rows: 0, events: 0, savepoint: Savepoint::None };
        Self { connection, outbox, appended, added: Added::default(), command, failure: None }
    }

    /// For the service's own SQL, which sees whatever was added before.
    pub async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        if self.command.savepoint != Savepoint::Own {
            let own = self.added.split_off(&self.command);
            if let Err(failure) = self.set_apart().await {
                self.failure = Some(failure);
                return Err(sqlx::Error::Protocol("the transaction has failed".to_owned()));
            }
            self.added = own;
        }
        self.added.store(&mut self.connection).await?;
        Ok(&mut self.connection)
    }

    /// Adds a row at the end of the transaction, or before the next SQL.
    pub fn insert(&mut self, row: impl NewRow + 'static) {
        self.added.rows.push(Box::new(row));
    }

    /// Puts an event into the outbox: it is published if, and only if, this transaction is committed.
    pub fn publish(&mut self, event: Outgoing) -> Result<(), OutboxError> {
        self.added.events.push(self.outbox.queue(&mut self.appended, event)?);
        Ok(())
    }

    /// Stores a dead letter: it goes to `dlq.errors` if, and only if, this transaction is committed.
    pub(crate) async fn bury(&mut self, letter: &Letter) -> Result<(), sqlx::Error> {
        self.connection().await?;
        self.outbox.bury(&mut self.connection, &mut self.appended, letter).await
    }

    /// Removes letters that are on their topic; the relay's own command.
    pub(crate) async fn sent_letters(&mut self, up_to: i64) -> Result<(), sqlx::Error> {
        self.connection().await?;
        self.outbox.sent_letters(&mut self.connection, &mut self.appended, up_to).await
    }

    /// Moves the relay's mark; the relay's own command.
    pub(crate) async fn confirm(&mut self, up_to: i64) -> Result<(), OutboxError> {
        self.connection().await?;
        self.outbox.mark(&mut self.connection, &mut self.appended, up_to).await
    }

    /// What the transaction has put into the outbox so far.
    pub(crate) const fn appended(&self) -> Appended {
        self.appended
    }

    /// For whoever rolled back to a savepoint of their own: the outbox as it was there.
    pub(crate) const fn take_back(&mut self, to: Appended) {
        self.appended = to;
    }

    /// One transaction of all these commands: one that is refused takes back what it did, and leaves the others as they
    /// are. After a failure nothing of any is there.
    pub(super) async fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), CommitFailure> {
        let committed = self.run(group).await;
        if committed.is_ok() {
            self.outbox.committed(self.appended);
        } else {
            // Without a ROLLBACK, SQLite would go on inside the failed transaction; where there is none any more, the
            // statement fails, which is as good.
            let _ = self.connection.execute("ROLLBACK").await;
            self.added.clear();
            self.appended = self.outbox.appended();
        }
        self.command.savepoint = Savepoint::None;
        committed
    }

    async fn run(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), CommitFailure> {
        self.execute("BEGIN IMMEDIATE").await?;
        for job in group {
            self.start_command();
            let accepted = job.run(self).await;
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if !accepted {
                self.undo_command().await?;
            }
        }
        self.store_added().await?;
        crash::pass(crash::IN_BATCH);
        self.execute("COMMIT").await
    }

    const fn start_command(&mut self) {
        let savepoint = match self.command.savepoint {
            Savepoint::None => Savepoint::None,
            Savepoint::Earlier | Savepoint::Own => Savepoint::Earlier,
        };
        let Added { rows, events } = &self.added;
        self.command = Command { before: self.appended, rows: rows.len(), events: events.len(), savepoint };
    }

    async fn undo_command(&mut self) -> Result<(), CommitFailure> {
        if self.command.savepoint == Savepoint::Own {
            self.added.clear();
            self.execute("ROLLBACK TO command").await?;
        } else {
            self.added.split_off(&self.command);
        }
        self.appended = self.command.before;
        Ok(())
    }

    /// Puts a savepoint between the commands before and this one.
    async fn set_apart(&mut self) -> Result<(), CommitFailure> {
        self.store_added().await?;
        let earlier = self.command.savepoint == Savepoint::Earlier;
        self.execute(if earlier { "RELEASE command; SAVEPOINT command" } else { "SAVEPOINT command" })
            .await?;
        self.command.savepoint = Savepoint::Own;
        Ok(())
    }

    async fn store_added(&mut self) -> Result<(), CommitFailure> {
        let stored = self.added.store(&mut self.connection).await;
        stored.map_err(|source| CommitFailure { statement: "INSERT", source })
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), CommitFailure> {
        let done = self.connection.execute(statement).await;
        done.map(drop).map_err(|source| CommitFailure { statement, source })
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        sqlx::Connection::close(self.connection).await
    }
}

impl Added {
    /// Takes out what the command has added.
    fn split_off(&mut self, command: &Command) -> Self {
        Self { rows: self.rows.split_off(command.rows), events: self.events.split_off(command.events) }
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.events.clear();
    }

    async fn store(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let Self { rows, events } = mem::take(self);
        for rows in rows.chunk_by(|one, next| one.insert() == next.insert()).flat_map(together) {
            let mut insert = QueryBuilder::new(rows[0].insert());
            insert.push_values(rows, |values, row| row.bind(values));
            insert.build().execute(&mut *connection).await?;
        }
        Outbox::store(connection, &events).await
    }
}

/// Rows in the pieces that a statement stores: few sizes, so that SQLite compiles few statements, and keeps them.
pub(crate) fn together<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = (0..=6).rev().map(|power| 1 << power).find(|size| *size <= rest.len())?;
        let (now, later) = rest.split_at(size);
        rest = later;
        Some(now)
    })
}

/// The statement at which a transaction failed.
#[derive(Debug, thiserror::Error)]
#[error("{statement}: {source}")]
pub(super) struct CommitFailure {
    pub(super) statement: &'static str,
    source: sqlx::Error,
}

#[cfg(test)]
mod tests {
    use sqlx::{Row as _, SqlitePool, migrate::Migrator};

    use super::*;
    use crate::{
        metrics::Metrics,
        store::{DataFolder, Store, WriteError, Writer, migrator},
    };

    #[derive(Debug)]
    struct Number(i64);

    impl NewRow for Number {
        fn insert(&self) -> &'static str {
            "INSERT INTO number (number) "
        }

        fn bind(&self, mut values: Separated<'_, Sqlite, &'static str>) {
            values.push_bind(self.0);
        }
    }

    fn tables() -> Migrator {
        migrator([("number", "CREATE TABLE number (number INTEGER PRIMARY KEY)")])
    }

    async fn store(folder: &tempfile::TempDir) -> Store {
        let owned = DataFolder::own(folder.path(), "test").expect("free");
        Store::open(owned, "test", &tables(), 10, &Metrics::new()).await.expect("a database")
    }

    /// Only adds the number; with `refuse`, to no effect.
    async fn add(writer: &Writer, number: i64, refuse: bool) -> Result<(), WriteError<&'static str>> {
        let command = writer.run(move |batch| {
            Box::pin(async move {
                batch.insert(Number(number));
                if refuse { Err("by choice") } else { Ok(()) }
            })
        });
        command.await
    }

    /// Adds the number, and doubles all that are there; with `refuse`, to no effect.
    async fn double(writer: &Writer, number: i64, refuse: bool) -> Result<(), WriteError<sqlx::Error>> {
        let command = writer.run(move |batch| {
            Box::pin(async move {
                batch.insert(Number(number));
                batch.connection().await?.execute("UPDATE number SET number = -number * 2").await?;
                batch.insert(Number(number));
                if refuse { Err(sqlx::Error::RowNotFound) } else { Ok(()) }
            })
        });
        command.await
    }

    async fn numbers(readers: &SqlitePool) -> Vec<i64> {
        let rows = sqlx::query("SELECT number FROM number ORDER BY number").fetch_all(readers).await;
        rows.expect("readable").iter().map(|row| row.get(0)).collect()
    }

    #[tokio::test]
    async fn what_was_added_is_seen_by_later_sql_and_goes_with_its_own_command_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let Store { writer, readers, .. } = store(&folder).await;
        let (one, two, three, four, five, six) = tokio::join!(
            add(&writer, 1, false),
            add(&writer, 2, true),
            double(&writer, 3, false),
            add(&writer, 4, false),
            double(&writer, 5, true),
            add(&writer, 6, true),
        );
        assert!(one.is_ok() && three.is_ok() && four.is_ok());
        assert!(two.is_err() && five.is_err() && six.is_err());
        assert_eq!(numbers(&readers).await, [-6, -2, 3, 4]);
    }

    #[tokio::test]
    async fn a_row_that_the_table_refuses_fails_all_that_share_its_transaction() {
        let folder = tempfile::tempdir().expect("a folder");
        let Store { writer, readers, .. } = store(&folder).await;
        let (one, again, three) =
            tokio::join!(add(&writer, 1, false), add(&writer, 1, false), double(&writer, 3, false));
        assert!(matches!(one, Err(WriteError::Database(_))), "{one:?}");
        assert!(matches!(again, Err(WriteError::Database(_))), "{again:?}");
        assert!(matches!(three, Err(WriteError::Database(_))), "{three:?}");
        assert_eq!(numbers(&readers).await, [0; 0]);
        add(&writer, 1, false).await.expect("the next transaction is whole");
        assert_eq!(numbers(&readers).await, [1]);
    }

    #[test]
    fn pieces_are_of_few_sizes_and_hold_every_row_once() {
        for count in [0, 1, 2, 63, 64, 65, 300] {
            let rows: Vec<usize> = (0..count).collect();
            let pieces: Vec<&[usize]> = together(&rows).collect();
            assert_eq!(pieces.concat(), rows);
            assert!(pieces.iter().all(|piece| piece.len().is_power_of_two() && piece.len() <= 64));
        }
    }
}
