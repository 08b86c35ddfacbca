//! Offsets over a real database.

use sqlx::migrate::Migrator;

use super::rows::{self, Progress, Realigned};
use crate::{
    metrics::Metrics,
    store::{DataFolder, Store},
};

static NO_TABLES: Migrator = Migrator::DEFAULT;

#[tokio::test]
async fn an_offset_that_is_not_on_its_topic_goes_back_as_far_as_the_inbox_remembers() {
    let folder = tempfile::tempdir().expect("a folder");
    let owned = DataFolder::own(folder.path(), "test").expect("free");
    let store = Store::open(owned, "test", &NO_TABLES, 10, &Metrics::new()).await.expect("a database");
    for (next_offset, ends, wanted) in [
        (5, (0, 5), None),
        (5, (5, 9), None),
        (5, (7, 9), Some(Realigned { from: 5, to: Some(7) })),
        (5, (0, 2), Some(Realigned { from: 5, to: Some(0) })),
        (60_000, (0, 59_990), Some(Realigned { from: 60_000, to: None })),
        (60_000, (20_000, 59_990), Some(Realigned { from: 60_000, to: Some(20_000) })),
    ] {
        let realigned = store.writer.run(move |batch| {
            Box::pin(async move {
                let progress = rows::progress(batch.connection().await?, "t", 0).await?;
                rows::advance(batch.connection().await?, Progress { next_offset, ..progress }).await?;
                let realigned = rows::realign(batch.connection().await?, "t", 0, ends).await?;
                Ok::<_, sqlx::Error>((realigned, rows::progress(batch.connection().await?, "t", 0).await?))
            })
        });
        let (realigned, progress) = realigned.await.expect("written");
        assert_eq!(realigned, wanted, "{next_offset} where the topic has {ends:?}");
        let then = wanted.and_then(|realigned| realigned.to).unwrap_or(next_offset);
        assert_eq!(progress.next_offset, then, "{next_offset} where the topic has {ends:?}");
    }
}
