//! Plays the stories: gives each command when it is due, and follows what is set for the whole lab.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use platform::control::Controls;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    agenda::Agenda,
    arrival::{Arrival, BURST, LONGEST_PAUSE, Rate, SHORTEST_PAUSE},
    course::Course,
    plan::{Kind, Plan},
    request::{Answer, Target},
    send::Sender,
    tally::{Outcome, Tally, Teller, Trouble},
};

/// Requests that each service may have open: one that hangs does not keep the other from getting its own.
const OPEN_AT_EACH: usize = 256;
/// Commands that may wait for their time. At 1,000 events a second there are about 1,500.
const WAITING: usize = 20_000;
/// How long open requests are waited for at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Drives the services by their public APIs.
#[derive(Debug)]
pub(crate) struct Driver {
    controls: Controls,
    sender: Sender,
    tally: Tally,
    plan: Plan,
    arrival: Arrival,
    /// What follows, by [`Self::clock`].
    agenda: Agenda<Course>,
    /// How long the simulation has run: it stands while that is stopped, and what was due later still is.
    clock: Duration,
    /// Events a second that are wanted since the last look, mistakes among them.
    rate: u32,
    /// Those of them that are none.
    sound: Rate,
    open: JoinSet<Ended>,
    open_at: [usize; Target::COUNT],
    teller: Teller,
    /// The last refusal or failure in words.
    last_trouble: String,
}

/// A request that ended.
#[derive(Debug)]
struct Ended {
    course: Course,
    answer: Answer,
    took: Duration,
}

impl Driver {
    pub(crate) fn new(controls: Controls, sender: Sender, tally: Tally, seed: u64) -> Self {
        Self {
            controls,
            sender,
            tally,
            plan: Plan::new(seed),
            arrival: Arrival::of_stories(),
            agenda: Agenda::new(WAITING),
            clock: Duration::ZERO,
            rate: 0,
            sound: Rate::default(),
            open: JoinSet::new(),
            open_at: [0; Target::COUNT],
            teller: Teller::new(),
            last_trouble: String::new(),
        }
    }

    /// Drives until told to stop, and waits a moment for what is open.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut last = Instant::now();
        loop {
            let now = Instant::now();
            // The time that has passed belongs to the rate that was wanted in it.
            self.advance(now.duration_since(last));
            last = now;
            self.want(Timestamp::now());
            self.show(now);
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.controls.changed() => {}
                Some(ended) = self.open.join_next() => self.end_with(ended),
                () = tokio::time::sleep(pause.unwrap_or(LONGEST_PAUSE)), if pause.is_some() => {}
            }
            while let Some(ended) = self.open.try_join_next() {
                self.end_with(ended);
            }
        }
        self.drain().await;
    }

    fn want(&mut self, now: Timestamp) {
        let control = self.controls.current();
        self.rate = control.as_ref().map_or(0, |control| control.events_per_second(now));
        let mistakes = control.and_then(|control| control.error_percent).unwrap_or(0);
        self.sound = Rate::of(self.rate, 100_u32.saturating_sub(mistakes));
    }

    /// How long until something is due; nothing where the simulation does not run.
    fn pause(&self) -> Option<Duration> {
        if self.rate == 0 {
            return None;
        }
        let story = self.arrival.next(self.sound);
        let follows = self.agenda.next().map_or(LONGEST_PAUSE, |due| due.saturating_sub(self.clock));
        Some(story.min(follows).clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
    }

    /// Starts what has become due. A story that has begun goes before one that has not.
    fn advance(&mut self, elapsed: Duration) {
        if self.rate == 0 {
            return;
        }
        self.clock += elapsed.min(BURST);
        while let Some(course) = self.agenda.take(self.clock) {
            self.start(course);
        }
        let due = self.arrival.due(self.sound, elapsed);
        self.tally.not_sent(Kind::Devis, due.missed);
        for begun in 0..due.now {
            if self.open_at[Target::Quotation as usize] >= OPEN_AT_EACH {
                // The plan stays where it is: the n-th quote that is sent is always that of the n-th story.
                self.tally.not_sent(Kind::Devis, due.now - begun);
                break;
            }
            let course = Course::begin(self.plan.next());
            self.start(course);
        }
    }

    /// Starts the request for a story's next command. Where no more may be open, the story ends.
    fn start(&mut self, course: Course) {
        let kind = course.command().kind();
        let open = &mut self.open_at[Target::of(kind) as usize];
        if *open >= OPEN_AT_EACH {
            self.tally.not_sent(kind, 1);
            return;
        }
        *open += 1;
        self.tally.open.inc();
        let sender = self.sender.clone();
        self.open.spawn(async move {
            let began = Instant::now();
            let answer = sender.send(&course).await;
            Ended { course, answer, took: began.elapsed() }
        });
    }

    fn end_with(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let ended = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let Ended { course, answer, took } = ended;
        let kind = course.command().kind();
        self.open_at[Target::of(kind) as usize] -= 1;
        let (outcome, later) = match answer {
            Answer::Done(subject) => (Outcome::Answered, course.go_on(subject)),
            Answer::TooEarly => match course.again() {
                Some(again) => (Outcome::Retried, Some(again)),
                None => (
                    self.trouble(
                        Outcome::Refused,
                        "what it is about was not heard of in half a minute".to_owned(),
                    ),
                    None,
                ),
            },
            Answer::Refused(detail) => (self.trouble(Outcome::Refused, detail), None),
            Answer::Failed(detail) => (self.trouble(Outcome::Failed, detail), None),
        };
        self.tally.ended(kind, outcome, took);
        self.tally.open.dec();
        if let Some((pause, course)) = later {
            let kind = course.command().kind();
            if !self.agenda.put(self.clock + pause, course) {
                self.tally.not_sent(kind, 1);
            }
        }
    }

    fn trouble(&mut self, outcome: Outcome, detail: String) -> Outcome {
        self.last_trouble = detail;
        outcome
    }

    fn show(&mut self, now: Instant) {
        self.tally.wanted.set(i64::from(self.rate));
        self.tally.waiting.set(i64::try_from(self.agenda.len()).unwrap_or(i64::MAX));
        if self.teller.may_tell(now) {
            self.tell(now);
        }
    }

    fn tell(&mut self, now: Instant) {
        if let Some(Trouble { not_sent, refused, failed }) =
            self.teller.news(now, self.tally.counts().trouble())
        {
            let (wanted, last) = (self.rate, self.last_trouble.as_str());
            tracing::warn!(not_sent, refused, failed, wanted, last, "not every command was carried out");
        }
    }

    async fn drain(&mut self) {
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(ended) = self.open.join_next().await {
                self.end_with(ended);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(open = self.open.len(), "requests were still open when the simulator stopped");
        }
        self.tell(Instant::now());
    }
}
