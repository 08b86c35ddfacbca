//! Named points at which a test build kills itself.
//!
//! With the feature `crash-points`, `EDALAB_CRASH_AT=<point>:<n>` makes the process send itself SIGKILL the n-th
//! time that it passes the point. Without the feature, which no released image has, passing a point is nothing.

/// Inside a group commit: every command has run, COMMIT has not.
pub const IN_BATCH: &str = "store.in-batch";
/// Rows are committed and read by the relay; none of them is handed to Kafka yet.
pub const COMMITTED: &str = "outbox.committed";
/// The broker has confirmed the rows; they are not marked yet.
pub const CONFIRMED: &str = "relay.confirmed";
/// The effects of consumed records are durable; Kafka is not told of it yet.
pub const APPLIED: &str = "consumer.applied";

#[cfg(not(feature = "crash-points"))]
#[inline]
pub const fn pass(_point: &str) {}

/// Reads what was just applied once more: `EDALAB_REDELIVER_PERCENT` of the batches come again, in a test build.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) const fn redeliver<C, N>(_client: &C, _next: &N) {}

#[cfg(feature = "crash-points")]
pub use armed::pass;
#[cfg(feature = "crash-points")]
pub(crate) use armed::redeliver;

#[cfg(feature = "crash-points")]
mod armed {
    use std::{
        collections::BTreeMap,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use rdkafka::{
        Offset,
        consumer::{Consumer as _, ConsumerContext, StreamConsumer},
    };

    struct Plan {
        point: String,
        passes_left: AtomicU64,
    }

    static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
        let text = std::env::var("EDALAB_CRASH_AT").ok()?;
        let plan = text.rsplit_once(':').and_then(|(point, count)| {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            Some(Plan { point: point.to_owned(), passes_left: AtomicU64::new(count) })
        });
        // A crash test with a misspelt plan would pass without a crash.
        Some(plan.unwrap_or_else(|| panic!("EDALAB_CRASH_AT={text:?} is not <point>:<n>")))
    });

    /// Batches so far, and the share of them that comes again.
    static BATCHES: AtomicU64 = AtomicU64::new(0);
    static REDELIVERED: LazyLock<u64> = LazyLock::new(|| {
        let text = std::env::var("EDALAB_REDELIVER_PERCENT").ok();
        text.map_or(0, |text| {
            text.parse().unwrap_or_else(|_| panic!("EDALAB_REDELIVER_PERCENT={text:?} is no number"))
        })
    });

    /// Of a hundred batches, as many as were asked for, evenly spread.
    pub(crate) fn redeliver<C: ConsumerContext>(
        client: &StreamConsumer<C>,
        next: &BTreeMap<(String, i32), i64>,
    ) {
        const RECORDS: i64 = 100;
        let number = BATCHES.fetch_add(1, Ordering::SeqCst);
        if (number + 1) * *REDELIVERED / 100 == number * *REDELIVERED / 100 {
            return;
        }
        for ((topic, partition), offset) in next {
            let from = Offset::Offset((offset - RECORDS).max(0));
            if let Err(error) = client.seek(topic, *partition, from, Duration::ZERO) {
                tracing::debug!(%error, topic, partition, "not delivered again");
            }
        }
    }

    /// Counts a pass, and ends the process at the planned one.
    pub fn pass(point: &str) {
        let Some(plan) = PLAN.as_ref().filter(|plan| plan.point == point) else { return };
        if plan.passes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }
}
