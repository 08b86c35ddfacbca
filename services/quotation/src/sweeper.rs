//! Expires quotes whose validity has passed.

use std::time::Duration;

use jiff::Timestamp;
use platform::{outbox::OutboxError, store::WriteError};
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::QuotationMetrics,
    store::{CommandError, DevisStore, Write, may_have_left_some},
};

/// Between two looks. A look is one step into an index that holds valid quotes only; when nothing is due, nothing
/// is written.
const PERIOD: Duration = Duration::from_secs(1);

/// Sweeps until told to stop.
pub async fn run(store: DevisStore, metrics: QuotationMetrics, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let swept = store.expire_due(Timestamp::now()).await;
        if let Ok(expired) = &swept {
            metrics.expired.inc_by(*expired as u64);
        }
        if more_is_due(swept) {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn more_is_due(swept: Write<usize>) -> bool {
    match swept {
        Ok(0) => false,
        Ok(expired) => {
            tracing::info!(expired, "quotes have expired");
            may_have_left_some(expired)
        }
        // The quotes stay due, and expire when the broker has taken some events.
        Err(WriteError::Refused(CommandError::Outbox(OutboxError::Full { .. }))) => {
            tracing::debug!("the outbox is full; quotes expire later");
            false
        }
        Err(error) => {
            tracing::error!(%error, "quotes could not be expired");
            false
        }
    }
}
