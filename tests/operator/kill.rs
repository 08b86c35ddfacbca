//! When the operator is killed at a write, and the kill.

use std::{
    env,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        door::Guard,
        operator::Victim,
        proxy::{Fate, Judge, Write},
    },
    suite::Outcome,
};
use http::StatusCode;

/// The moment after an answer: whoever wrote has heard it and goes on.
const HEARD: Duration = Duration::from_millis(2);

/// When the operator is killed at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nobody hears of it.
    NotPassedOn,
    /// It is done, and the operator does not know.
    NotAnswered,
    Answered,
}

impl Moment {
    const ALL: [Self; 3] = [Self::NotPassedOn, Self::NotAnswered, Self::Answered];

    /// Every second of so many writes with one moment, in turn; with `CRASHES_ALL` each with all three.
    pub(crate) fn at_each_of(writes: usize) -> impl Iterator<Item = (usize, Self)> {
        let all = env::var_os("CRASHES_ALL").is_some();
        (0..writes).step_by(if all { 1 } else { 2 }).flat_map(move |number| {
            let moments = if all { &Self::ALL[..] } else { &Self::ALL[number % 3..=number % 3] };
            moments.iter().map(move |moment| (number, *moment))
        })
    }
}

/// A kill at one write.
#[derive(Debug)]
pub(crate) struct Kill {
    pub(crate) number: usize,
    pub(crate) moment: Moment,
    pub(crate) victim: Victim,
}

impl Kill {
    /// A write has come; whether it is passed on.
    fn before(&self, number: usize) -> bool {
        let now = (number, Moment::NotPassedOn) == (self.number, self.moment);
        if now {
            self.victim.kill9();
        }
        !now
    }

    /// A write was answered, and the operator does not know yet.
    fn between(&self, number: usize) {
        let victim = self.victim.clone();
        match self.moment {
            Moment::NotAnswered if number == self.number => victim.kill9(),
            Moment::Answered if number == self.number => drop(tokio::spawn(async move {
                tokio::time::sleep(HEARD).await;
                victim.kill9();
            })),
            _ => {}
        }
    }
}

/// How the kills of a trial went.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    met: usize,
    missed: usize,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), met: 0, missed: 0, wrong: Vec::new() }
    }

    /// A kill was met, or the write that it waited for did not come.
    pub(crate) fn killed(&mut self, met: bool) {
        *(if met { &mut self.met } else { &mut self.missed }) += 1;
    }

    /// What stands after a kill is not what stands without one.
    pub(crate) fn differs(&mut self, told: String) {
        self.wrong.push(told);
    }

    /// Nothing may differ, and more than so many of ten kills must have been met.
    pub(crate) fn close(self, writes: [usize; 2], of_ten: usize) -> Outcome {
        let Self { began, met, missed, wrong } = self;
        println!(
            "{} writes to create and {} to edit: {met} kills, {missed} not met, {} with a difference, {:.1} s",
            writes[0],
            writes[1],
            wrong.len(),
            began.elapsed().as_secs_f32()
        );
        if !wrong.is_empty() {
            return Err(wrong.join("\n").into());
        }
        assert!(met * 10 > (met + missed) * of_ten, "most kills are met");
        Ok(())
    }
}

/// At a write to the API server.
impl Judge for Kill {
    fn before(&self, write: &Write) -> Fate {
        if Self::before(self, write.number) {
            Fate::Pass
        } else {
            Fate::Refuse(StatusCode::SERVICE_UNAVAILABLE)
        }
    }

    fn between(&self, write: &Write) {
        Self::between(self, write.number);
    }
}

/// At a write through doors, which are numbered together.
#[derive(Debug, Default)]
pub(crate) struct Doorkeeper {
    kill: Mutex<Option<Kill>>,
    seen: AtomicUsize,
}

impl Doorkeeper {
    /// Counts from 0 again, with another kill or none.
    pub(crate) fn count_anew(&self, kill: Option<Kill>) {
        *self.kill.lock().unwrap_or_else(PoisonError::into_inner) = kill;
        self.seen.store(0, Ordering::SeqCst);
    }

    /// How many writes came.
    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Guard for Doorkeeper {
    fn before(&self) -> bool {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        self.kill
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_none_or(|kill| kill.before(number))
    }

    fn between(&self) {
        if let Some(kill) = &*self.kill.lock().unwrap_or_else(PoisonError::into_inner) {
            kill.between(self.seen().saturating_sub(1));
        }
    }
}
