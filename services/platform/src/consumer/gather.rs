//! Collects records into batches: bounded by count, by bytes, and by how long the first one waits.

use std::time::Duration;

use tokio::time::Instant;

use crate::record::Record;

/// Records in one transaction: enough to make its fdatasync cheap, few enough that other commands wait for
/// milliseconds only.
const MOST: usize = 1000;
/// Bytes at which a batch is full. One record may go beyond it.
const BYTES: usize = 1024 * 1024;
/// How long the first record waits for others.
const LINGER: Duration = Duration::from_millis(2);

/// The batch that is being collected.
#[derive(Debug, Default)]
pub(super) struct Gather {
    records: Vec<Record>,
    bytes: usize,
    due: Option<Instant>,
    one_by_one: bool,
}

impl Gather {
    pub(super) fn push(&mut self, record: Record, now: Instant) {
        self.due.get_or_insert_with(|| now + LINGER);
        self.bytes += record.size();
        self.records.push(record);
    }

    /// Whether a batch is one record.
    pub(super) const fn one_by_one(&mut self, is_so: bool) {
        self.one_by_one = is_so;
    }

    pub(super) fn is_full(&self) -> bool {
        let most = if self.one_by_one { 1 } else { MOST };
        self.records.len() >= most || self.bytes >= BYTES
    }

    /// When the first record will have waited long enough; nothing while the batch is empty.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the batch is to be applied now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_full() || self.due.is_some_and(|due| due <= now)
    }

    pub(super) fn take(&mut self) -> Vec<Record> {
        let next = Self { one_by_one: self.one_by_one, ..Self::default() };
        std::mem::replace(self, next).records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Record {
        Record::new("t", 0, 0, None, Some(&vec![0; bytes]))
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_first_record_has_waited() {
        let now = Instant::now();
        let mut gather = Gather::default();
        assert!(gather.due().is_none() && !gather.is_due(now));
        gather.push(record(10), now);
        gather.push(record(10), now + LINGER / 2);
        assert!(!gather.is_due(now + LINGER / 2));
        assert!(gather.is_due(now + LINGER) && !gather.is_full());
        assert_eq!(gather.take().len(), 2);
        assert!(gather.due().is_none());

        gather.push(record(BYTES), now);
        assert!(gather.is_full() && gather.is_due(now));
        gather.take();
        for _ in 0..MOST {
            assert!(!gather.is_full());
            gather.push(record(1), now);
        }
        assert!(gather.is_full());
        gather.take();
        gather.one_by_one(true);
        for _ in 0..3 {
            assert!(!gather.is_full());
            gather.push(record(1), now);
            assert!(gather.is_full());
            gather.take();
        }
    }
}
