//! Runs a suite's trials over what they share, and takes that down again whatever comes.

use std::{
    env, fmt,
    process::ExitCode,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// How a trial ends: with nothing, or with any error that can be printed. A panic is a failure too.
pub type Outcome = Result<(), Failed>;

/// Trials that took less are not told apart.
const WORTH_TELLING: Duration = Duration::from_millis(500);

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a process can have threads, a timer and a poller"));

/// What a suite's trials share. Dropping it takes it down.
pub trait Rig: Send + Sync + 'static {
    /// Prints what helps to understand a trial that failed, as long as the rig is there.
    fn explain(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// A suite: trials that share a rig of type `R`.
pub struct Suite<R> {
    name: &'static str,
    most_at_once: usize,
    trials: Vec<(String, Asked, Run<R>)>,
}

/// When a trial runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Always,
    /// With `--ignored` only.
    ByName,
}

/// What a trial does with the rig.
type Run<R> = Box<dyn FnOnce(Arc<R>) -> Outcome + Send>;

impl<R> fmt::Debug for Suite<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.trials.iter().map(|(name, ..)| name.as_str()).collect();
        f.debug_struct("Suite").field("name", &self.name).field("trials", &names).finish_non_exhaustive()
    }
}

/// Makes a [`Suite::trial`] of an async function: `suite.trial("name", trial!(function))`.
#[macro_export]
macro_rules! trial {
    ($function:path) => {
        |rig| $crate::suite::block_on($function(rig))
    };
}

/// Runs a future on the suite's runtime, from a trial's own thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl<R: Rig> Suite<R> {
    /// Trials are called `name::trial`. `most_at_once` bounds how many run side by side; `--test-threads` overrules it.
    pub fn new(name: &'static str, most_at_once: usize) -> Self {
        Self { name, most_at_once, trials: Vec::new() }
    }

    /// Adds a trial; see [`trial!`](crate::trial).
    #[must_use]
    pub fn trial(
        self,
        name: impl fmt::Display,
        run: impl FnOnce(Arc<R>) -> Outcome + Send + 'static,
    ) -> Self {
        self.add(name, Asked::Always, run)
    }

    /// Adds a trial that is too long for every day: it runs with `--ignored` only.
    #[must_use]
    pub fn long_trial(
        self,
        name: impl fmt::Display,
        run: impl FnOnce(Arc<R>) -> Outcome + Send + 'static,
    ) -> Self {
        self.add(name, Asked::ByName, run)
    }

    fn add(
        mut self,
        name: impl fmt::Display,
        asked: Asked,
        run: impl FnOnce(Arc<R>) -> Outcome + Send + 'static,
    ) -> Self {
        self.trials.push((format!("{}::{name}", self.name), asked, Box::new(run)));
        self
    }

    /// Starts the rig where a trial is asked for, runs the trials, and drops the rig.
    pub fn main<E: fmt::Display>(self, start: impl AsyncFnOnce() -> Result<R, E>) -> ExitCode {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(self.most_at_once);
        let idle: Vec<Trial> =
            self.trials.iter().map(|(name, asked, _)| trial(name, *asked, || Ok(()))).collect();
        let long = arguments.ignored || arguments.include_ignored;
        let runs = |trial: &Trial| !arguments.is_filtered_out(trial) && (long || !trial.has_ignored_flag());
        if arguments.list || !idle.iter().any(runs) {
            return libtest_mimic::run(&arguments, idle).exit_code();
        }

        let began = Instant::now();
        let rig = match block_on(start()) {
            Ok(rig) => Arc::new(rig),
            Err(problem) => {
                eprintln!("{}: what the trials need does not start: {problem}", self.name);
                return ExitCode::FAILURE;
            }
        };
        let started = began.elapsed();
        let trials = self.trials.into_iter().map(|(name, asked, run)| {
            let rig = Arc::clone(&rig);
            trial(&name.clone(), asked, move || {
                let began = Instant::now();
                let outcome = run(rig);
                if began.elapsed() >= WORTH_TELLING {
                    println!("{name}: {:.1} s", began.elapsed().as_secs_f32());
                }
                outcome
            })
        });
        let conclusion = libtest_mimic::run(&arguments, trials.collect());
        let ended = began.elapsed();
        if conclusion.has_failed() {
            block_on(rig.explain());
        }
        drop(rig);
        println!(
            "{}: {:.1} s to start what the trials share, {:.1} s for the trials, {:.1} s to take it down\n",
            self.name,
            started.as_secs_f32(),
            ended.as_secs_f32() - started.as_secs_f32(),
            began.elapsed().as_secs_f32() - ended.as_secs_f32()
        );
        conclusion.exit_code()
    }
}

fn trial(name: &str, asked: Asked, run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, run).with_ignored_flag(asked == Asked::ByName)
}
