//! Which records tell of the same thing. Pure.

use std::collections::BTreeSet;

use platform::record::Record;

use super::ids::{Id, ids};

/// Steps from one thing to the next: a quote's id leads to its contract's, and that to its claims'.
const STEPS: usize = 4;

/// The records, among these, that name what `of` names, or what such a record names, and so on; in their order.
pub(super) fn story<'a>(of: &Record, among: &'a [Record]) -> Vec<&'a Record> {
    let named: Vec<BTreeSet<Id>> = among.iter().map(names).collect();
    let mut known = names(of);
    let mut within = vec![false; among.len()];
    for _ in 0..STEPS {
        let before = known.len();
        for (ids, within) in named.iter().zip(&mut within) {
            if !*within && !ids.is_disjoint(&known) {
                *within = true;
                known.extend(ids);
            }
        }
        if known.len() == before {
            break;
        }
    }
    among.iter().zip(within).filter(|(_, within)| *within).map(|(record, _)| record).collect()
}

fn names(record: &Record) -> BTreeSet<Id> {
    let mut found = record.key().map(ids).unwrap_or_default();
    found.extend(record.value().map(ids).unwrap_or_default());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> String {
        format!("0190b5a4-7d3c-7000-8000-0000000000{number:02x}")
    }

    fn record(offset: i64, key: u8, named: &[u8]) -> Record {
        let value = named.iter().map(|&number| id(number)).collect::<Vec<_>>().join("H");
        Record::new("t", 0, offset, Some(id(key).as_bytes()), Some(value.as_bytes()))
    }

    #[test]
    fn a_quote_leads_to_its_contract_and_that_to_its_claims() {
        // Quote 1 becomes contract 2, which has claim 3; quote 4 is another's.
        let among = [record(0, 1, &[1]), record(1, 4, &[4]), record(2, 2, &[2, 1]), record(3, 2, &[3, 2])];
        for from in [0, 2, 3] {
            let told: Vec<_> = story(&among[from], &among).iter().map(|record| record.offset).collect();
            assert_eq!(told, [0, 2, 3], "from {from}");
        }
        let told: Vec<_> = story(&among[1], &among).iter().map(|record| record.offset).collect();
        assert_eq!(told, [1]);
    }

    #[test]
    fn what_names_nothing_has_no_story() {
        let nothing = Record::new("t", 0, 0, None, None);
        assert!(story(&nothing, &[record(0, 1, &[1]), nothing.clone()]).is_empty());
    }
}
