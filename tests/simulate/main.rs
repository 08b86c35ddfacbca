//! The simulator over a real broker, a real registry and the real services: what it makes of a lab, seen from the topics;
//! and over a real API server, what it makes of the custom resource.

mod lives;
mod mistakes;
mod rate;
mod shares;
mod steering;
mod trouble;

use std::process::ExitCode;

use edalab_tests::{rig::stand::Stand, suite::Suite, trial};

fn main() -> ExitCode {
    Suite::new("alone::simulate", 2)
        .trial("two_thousand_quotes_and_what_becomes_of_them", trial!(shares::two_thousand_quotes))
        .trial("a_seed_gives_the_same_run_twice", trial!(shares::the_same_run_twice))
        .trial("a_rate_takes_effect_at_once_and_stop_stops", trial!(rate::rates))
        .trial("a_peak_begins_and_ends_by_its_times", trial!(rate::a_peak))
        .trial("mistakes_are_refused_or_become_dead_letters", trial!(mistakes::mistakes))
        .trial("it_does_not_slow_down_because_a_service_is_away", trial!(trouble::a_service_is_away))
        .trial("what_steers_it_is_written_into_the_lab", trial!(steering::what_steers_is_in_the_lab))
        .main(Stand::start)
}
