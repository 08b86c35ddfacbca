//! Quotation and souscription in trouble: with clients that mean no good, or too many of them, with a full disk, and
//! while broker and registry are away for long.

mod abuse;
mod crowd;
mod disk;
mod outage;

use std::process::ExitCode;

use edalab_tests::{rig::stand::Stand, suite::Suite, trial};

fn main() -> ExitCode {
    Suite::new("trouble", 2)
        .trial("whatever_is_sent_is_refused_in_words", trial!(abuse::whatever_is_sent))
        .trial("slow_clients_are_let_go_and_keep_nobody_out", trial!(abuse::slow_clients))
        .trial("too_many_clients_are_told_to_come_again", trial!(crowd::too_many_clients))
        .trial("ten_thousand_connections_are_survived", trial!(crowd::ten_thousand_connections))
        .trial("a_full_disk_fails_cleanly_and_heals", trial!(disk::full))
        .trial("the_broker_is_away_for_long", trial!(outage::broker))
        .trial("the_registry_is_away_for_long", trial!(outage::registry))
        .trial("both_are_away_for_long_at_the_start", trial!(outage::both_at_the_start))
        .main(Stand::start)
}
