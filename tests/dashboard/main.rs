//! The dashboard over a real broker, a real registry, real services and a real API server, as programs and browsers see
//! it.

mod busy;
mod crowd;
mod events;
mod explore;
mod guard;
mod lab;
mod page;
mod shots;
mod show;

use std::process::ExitCode;

use edalab_tests::{suite::Suite, trial};

use show::Show;

fn main() -> ExitCode {
    Suite::new("alone::dashboard", 1)
        .trial("an_event_is_delivered_to_who_asks_and_who_listens", trial!(events::delivered))
        .trial("a_stream_that_was_cut_goes_on_and_skips_nothing", trial!(events::resumed))
        .trial("what_cannot_be_read_is_shown_as_such", trial!(events::unreadable))
        .trial("added_partitions_are_read_too", trial!(events::added_partitions))
        .trial("other_pages_and_other_names_are_refused", trial!(guard::refused))
        .trial("what_is_in_force_is_told_within_a_second", trial!(lab::in_force))
        .trial("what_waits_and_who_is_down_is_told", trial!(lab::waiting_and_down))
        .trial("the_ledger_is_told", trial!(lab::ledger))
        .trial("the_first_view_is_small", trial!(page::small))
        .trial("a_browser_shows_events_as_text_and_filters_them", trial!(page::timeline))
        .trial("a_browser_pauses_and_two_tabs_agree", trial!(page::pause_and_tabs))
        .trial("a_browser_goes_on_after_a_cut", trial!(page::cut))
        .trial("a_browser_draws_what_is_up_and_what_comes", trial!(page::drawing))
        .trial("a_message_is_shown_whole_with_its_story", trial!(explore::a_message))
        .trial("topics_groups_schemas_and_parts_are_shown", trial!(explore::the_rest))
        .trial("whatever_lies_on_a_topic_is_shown_as_text", trial!(explore::hostile))
        .trial("a_page_says_what_is_away_and_goes_on", trial!(explore::away))
        .trial("nothing_keeps_people_from_using_a_page", trial!(explore::accessible))
        .trial("pictures_of_every_face", trial!(shots::pictures))
        .trial("a_browser_stays_small_and_quick_before_a_busy_lab", trial!(busy::busy))
        .trial("two_hundred_listen_and_one_does_not_read", trial!(crowd::two_hundred))
        .main(Show::start)
}
