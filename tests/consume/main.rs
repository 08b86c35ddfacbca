//! Souscription and reclamation over a real broker and a real registry: every event has its effect once, and nothing holds it up.

mod claims;
mod contracts;
mod letters;
mod pair;
mod slow;
mod trouble;

use std::process::ExitCode;

use edalab_tests::{rig::stand::Stand, suite::Suite, trial};

fn main() -> ExitCode {
    Suite::new("consume", 2)
        .trial(
            "a_quote_becomes_a_contract_that_changes_and_ends",
            trial!(contracts::a_quote_becomes_a_contract),
        )
        .trial("a_command_that_cannot_be_is_refused_in_words", trial!(contracts::refusals))
        .trial(
            "a_contract_wins_over_an_expiry_that_crossed_it",
            trial!(contracts::a_contract_wins_over_an_expiry),
        )
        .trial(
            "a_claim_is_judged_and_paid_and_its_contract_hears_of_it",
            trial!(claims::a_claim_is_judged_and_paid),
        )
        .trial("a_claim_that_cannot_be_is_refused_in_words", trial!(claims::refusals))
        .trial(
            "a_slow_consumer_takes_its_time_and_loses_nothing",
            trial!(slow::takes_its_time_and_loses_nothing),
        )
        .trial("killed_while_it_consumes_it_misses_nothing", trial!(trouble::killed_while_it_consumes))
        .trial("what_cannot_be_read_goes_to_the_dead_letters", trial!(letters::dead_letters))
        .trial(
            "a_killed_consumer_goes_on_as_soon_as_it_is_back",
            trial!(trouble::goes_on_as_soon_as_it_is_back),
        )
        .trial(
            "raised_partitions_and_a_broker_that_restarts_lose_nothing",
            trial!(trouble::raised_partitions),
        )
        .trial(
            "partitions_that_are_added_while_a_consumer_is_away_are_read",
            trial!(trouble::partitions_added_while_it_is_away),
        )
        .trial("offsets_of_another_cluster_wait_for_a_decision", trial!(trouble::offsets_of_another_cluster))
        .main(Stand::start)
}
