//! The operator on a control plane without nodes: edits of every kind, kills at every write, and an API server in trouble.
//!
//! `make test` tries some of each; `make test-operator` all, and looks at an idle lab for ten minutes.

mod brokers;
mod crashes;
mod faults;
mod idle;
mod kill;
mod mutations;
mod objects;
mod plane;
mod takeover;

use std::process::ExitCode;

use edalab_tests::{suite::Suite, trial};
use plane::Plane;

fn main() -> ExitCode {
    // One at a time: each has operators of its own, which serve every namespace.
    Suite::new("operator", 1)
        .trial("edits_arrive_and_can_be_taken_back", trial!(mutations::edits_arrive_and_can_be_taken_back))
        .trial("a_kill_at_any_write_leaves_no_trace", trial!(crashes::a_kill_at_any_write_leaves_no_trace))
        .trial(
            "a_kill_at_any_write_to_kafka_or_the_registry_leaves_no_trace",
            trial!(brokers::a_kill_at_any_write),
        )
        .trial("an_idle_lab_is_left_alone", trial!(idle::an_idle_lab_is_left_alone))
        .trial("an_api_server_in_trouble_is_waited_for", trial!(faults::an_api_server_in_trouble))
        .trial("watches_that_break_are_begun_again", trial!(faults::watches_that_break))
        .trial("a_namespace_that_goes_is_told", trial!(faults::a_namespace_that_goes))
        .trial("of_two_operators_one_writes", trial!(faults::of_two_operators_one_writes))
        .long_trial("edits_arrive_on_a_cluster_with_a_node", trial!(mutations::on_a_real_cluster))
        .long_trial(
            "an_operator_takes_over_from_the_release_before",
            trial!(takeover::from_the_release_before),
        )
        .main(Plane::start)
}
