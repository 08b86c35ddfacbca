//! A dead letter: a record that a consumer could not handle, put on [`topics::DLQ_ERRORS`](crate::topics::DLQ_ERRORS)
//! with its key and value as they came.
//!
//! It keeps the headers that it came with, and carries the ones below in addition: where it came from, why it could
//! not be handled, and who gave it up. What does not fit into a letter is left
//! out, and named.

use crate::header_names::header_names;

header_names! {
    /// Topic of the original record.
    TOPIC = "dlq.topic";
    /// Partition of the original record, a number.
    PARTITION = "dlq.partition";
    /// Offset of the original record in its partition, a number.
    OFFSET = "dlq.offset";
    /// Why the record could not be handled, in one word, such as WrongType.
    REASON = "dlq.reason";
    /// The error in words, and what caused it, cause after cause.
    CAUSES = "dlq.causes";
    /// When the record was given up: RFC 3339 with milliseconds.
    TIME = "dlq.time";
    /// The consumer that gave the record up, named as in ce_source: /edalab/(lab)/(service).
    SERVICE = "dlq.service";
    /// The consumer group that the record was read in.
    GROUP = "dlq.group";
    /// What of the original did not fit into the letter, in words: its key, its value, some of its headers.
    LEFT_OUT = "dlq.left-out";
}
