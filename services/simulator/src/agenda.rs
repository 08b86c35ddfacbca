//! What is to be done later, by the time at which it is due.

use std::{collections::BTreeMap, time::Duration};

/// Bounded: whoever puts more on it is told so.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    /// By time, and where that is the same, as they were put on it.
    entries: BTreeMap<(Duration, u64), T>,
    most: usize,
    put: u64,
}

impl<T> Agenda<T> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { entries: BTreeMap::new(), most, put: 0 }
    }

    /// Puts something on it. Whether there was room.
    #[must_use]
    pub(crate) fn put(&mut self, due: Duration, entry: T) -> bool {
        if self.entries.len() >= self.most {
            return false;
        }
        self.put += 1;
        self.entries.insert((due, self.put), entry);
        true
    }

    /// Takes off the first entry that is due.
    pub(crate) fn take(&mut self, now: Duration) -> Option<T> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the first entry is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.entries.first_key_value().map(|((due, _), _)| *due)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_off_when_they_are_due_and_in_order() {
        let at = Duration::from_millis;
        let mut agenda = Agenda::new(3);
        assert!(agenda.put(at(20), "b") && agenda.put(at(10), "a") && agenda.put(at(20), "c"));
        assert!(!agenda.put(at(1), "no room"));
        assert_eq!((agenda.next(), agenda.len()), (Some(at(10)), 3));
        assert_eq!(agenda.take(at(9)), None);
        assert_eq!(
            [agenda.take(at(20)), agenda.take(at(20)), agenda.take(at(20))],
            [Some("a"), Some("b"), Some("c")]
        );
        assert_eq!((agenda.take(at(99)), agenda.next()), (None, None));
    }
}
