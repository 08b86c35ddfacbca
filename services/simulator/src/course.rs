//! A story under way: which command is next, about what, and after what pause. Pure.

use std::{time::Duration, vec::IntoIter};

use uuid::Uuid;

use crate::plan::{Command, Step, Story};

/// How often a command is given again that came before what it is about was heard of: after a quarter of a second, and
/// then after pauses that double to eight seconds, half a minute in all.
const TRIES: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A story as far as it has come.
#[derive(Debug)]
pub(crate) struct Course {
    command: Command,
    /// The ids of its quote, its contract and its claim, as far as it has come; nil where there is none yet.
    ids: [Uuid; 3],
    tries: u32,
    then: IntoIter<Step>,
}

impl Course {
    pub(crate) fn begin(story: Story) -> Self {
        let Story { devis, then } = story;
        Self { command: Command::Devis(devis), ids: [Uuid::nil(); 3], tries: 0, then: then.into_iter() }
    }

    /// The command that is to be given.
    pub(crate) const fn command(&self) -> &Command {
        &self.command
    }

    /// What it is about.
    pub(crate) const fn subject(&self) -> Uuid {
        self.ids[self.command.kind().about() as usize]
    }

    /// The command was carried out, and answered with the thing of that id. The next one, and how long until it is due;
    /// nothing at the story's end.
    pub(crate) fn go_on(mut self, id: Uuid) -> Option<(Duration, Self)> {
        self.ids[self.command.kind().shows() as usize] = id;
        let Step { after, command } = self.then.next()?;
        Some((after, Self { command, tries: 0, ..self }))
    }

    /// The command came too early. The same one, and how long until it is due; nothing where it was tried often enough.
    pub(crate) fn again(mut self) -> Option<(Duration, Self)> {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.tries.min(16)).min(LONGEST_PAUSE);
        self.tries += 1;
        (self.tries < TRIES).then_some((pause, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Kind, Plan};

    #[test]
    fn a_story_is_played_to_its_end() {
        let mut plan = Plan::new(1);
        let ends = |story: &Story| story.then.iter().any(|step| step.command.kind() == Kind::Resiliation);
        let story = std::iter::repeat_with(|| plan.next())
            .find(|story| story.then.len() == 5 && ends(story))
            .expect("there are such");
        let mut course = Course::begin(story.clone());
        assert_eq!((course.command().kind(), course.subject()), (Kind::Devis, Uuid::nil()));
        let [devis, contrat, sinistre] = [1, 2, 3].map(Uuid::from_u128);
        // What each answer shows, and what the next command is about.
        let ids = [
            (devis, devis),
            (contrat, contrat),
            (sinistre, sinistre),
            (sinistre, sinistre),
            (sinistre, contrat),
        ];
        for ((shown, about), step) in ids.into_iter().zip(&story.then) {
            let (after, next) = course.go_on(shown).expect("another step");
            assert_eq!((after, next.command(), next.subject()), (step.after, &step.command, about));
            course = next;
        }
        assert!(course.go_on(contrat).is_none());
    }

    #[test]
    fn a_command_that_comes_too_early_is_given_again_and_not_for_ever() {
        let mut course = Course::begin(Plan::new(1).next());
        let mut pauses = Vec::new();
        while let Some((pause, again)) = course.again() {
            pauses.push(pause.as_millis());
            course = again;
        }
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }
}
