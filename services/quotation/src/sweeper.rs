//! Expires quotes whose validity has passed.

use std::time::Duration;

use jiff::Timestamp;
use platform::{
    outbox::OutboxError,
    store::{CommandError, WriteError},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    metrics::QuotationMetrics,
    store::{DevisStore, Write},
};

/// Between two looks. A look is one step into an index that holds valid quotes only.
const PERIOD: Duration = Duration::from_secs(1);

/// Sweeps until told to stop. A burst is swept in several transactions, without a pause between them.
pub async fn run(store: DevisStore, metrics: QuotationMetrics, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let swept = sweep(&store, &metrics).await;
        if swept == 0 {
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

/// One transaction of expirations; returns how many.
async fn sweep(store: &DevisStore, metrics: &QuotationMetrics) -> usize {
    let now = Timestamp::now();
    match store.anything_due(now).await {
        Ok(false) => return 0,
        Ok(true) => {}
        Err(error) => {
            tracing::error!(%error, "quotes that are due could not be looked for");
            return 0;
        }
    }
    let span = tracing::info_span!("sweep", trace_id = tracing::field::Empty);
    platform::telemetry::log_trace_id(&span);
    async {
        let swept = report(store.expire_due(now).await);
        metrics.expired.inc_by(swept as u64);
        swept
    }
    .instrument(span)
    .await
}

fn report(swept: Write<usize>) -> usize {
    match swept {
        Ok(expired) => {
            tracing::info!(expired, "quotes have expired");
            expired
        }
        // The quotes stay due, and expire when the broker has taken some events.
        Err(WriteError::Refused(CommandError::Outbox(OutboxError::Full { .. }))) => {
            tracing::debug!("the outbox is full; quotes expire later");
            0
        }
        Err(error) => {
            tracing::error!(%error, "quotes could not be expired");
            0
        }
    }
}
