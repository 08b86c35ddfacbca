//! What earlier releases left, taken over by this checkout: the databases that each of them wrote (`tests/released/`), and
//! a lab at work under the one before, whose programs `make test-upgrade` compiles.

mod databases;
mod takeover;

use std::process::ExitCode;

use edalab_tests::{rig::stand::Stand, suite::Suite, trial};

fn main() -> ExitCode {
    Suite::new("upgrade", 1)
        .trial("databases_of_every_release_are_read", trial!(databases::every_release))
        .long_trial("a_release_is_written_down", trial!(databases::write_down))
        .long_trial("services_go_on_where_the_release_before_was_killed", trial!(takeover::services_go_on))
        .main(Stand::start)
}
