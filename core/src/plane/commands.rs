//! Commands on their way: given, taken, failed, given again.

use alloc::vec::Vec;

use crate::ids::{ActionId, CommandId, NoteId, RolloutId};
use crate::time::Micros;

use super::{Command, ControlPlane, InputError, Issued, NoteBody};

/// A command that nobody reported on yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outstanding {
    pub(super) issued: Issued,
    attempts: u32,
    pub(super) retry_at: Option<Micros>,
}

impl ControlPlane {
    pub(super) fn issue(
        &mut self,
        because: impl IntoIterator<Item = NoteId>,
        command: Command,
    ) -> CommandId {
        let id = CommandId(self.next_command);
        self.next_command += 1;
        let issued = Issued {
            id,
            because: because.into_iter().collect(),
            command,
        };
        self.commands.push_back(issued.clone());
        self.outstanding.insert(
            id,
            Outstanding {
                issued,
                attempts: 1,
                retry_at: None,
            },
        );
        id
    }

    pub(super) fn command_done(&mut self, id: CommandId) -> Result<(), InputError> {
        self.known_command(id)?;
        self.outstanding.remove(&id);
        Ok(())
    }

    /// A push or a page is given again a few times, a rollback or a kill switch until it is taken:
    /// a fleet that cannot be rolled back is the outage.
    pub(super) fn command_failed(&mut self, id: CommandId) -> Result<(), InputError> {
        self.known_command(id)?;
        let (now, retry) = (self.now, self.setup.retry);
        let Some(outstanding) = self.outstanding.get_mut(&id) else {
            return Ok(());
        };
        if outstanding.issued.command.insists() || outstanding.attempts < retry.attempts_max {
            // The same failure told twice does not put the retry off.
            let due = now + retry.delay.max(Micros::from_secs(1));
            outstanding.retry_at.get_or_insert(due);
        } else {
            let because = outstanding.issued.because.clone();
            let given_up = outstanding.issued.command.clone();
            self.outstanding.remove(&id);
            self.note(because, NoteBody::CommandGivenUp { command: id });
            if let Command::Act { action, .. } = given_up {
                self.action_given_up(action);
            }
        }
        Ok(())
    }

    pub(super) fn retry(&mut self, id: CommandId) {
        let Some(outstanding) = self.outstanding.get_mut(&id) else {
            return;
        };
        outstanding.retry_at = None;
        outstanding.attempts += 1;
        let (issued, attempt) = (outstanding.issued.clone(), outstanding.attempts);
        let because = issued.because.clone();
        let over = issued
            .command
            .rollout()
            .is_some_and(|id| self.flights[id.index()].is_over());
        if over {
            self.outstanding.remove(&id);
            return;
        }
        self.note(
            because,
            NoteBody::CommandRetried {
                command: id,
                attempt,
            },
        );
        self.commands.push_back(issued);
    }

    /// Forgets the pushes of a rollout that stops widening: a retry must neither widen what was
    /// paused or aborted nor bring back what a rollback takes away.
    pub(super) fn withdraw_pushes(&mut self, id: RolloutId) {
        self.withdraw(|command| matches!(command, Command::Push { rollout, .. } if *rollout == id));
    }

    /// Forgets the orders about an action that ended.
    pub(super) fn withdraw_action(&mut self, id: ActionId) {
        self.withdraw(|command| matches!(command, Command::Act { action, .. } if *action == id));
    }

    fn withdraw(&mut self, withdrawn: impl Fn(&Command) -> bool) {
        self.outstanding
            .retain(|_, outstanding| !withdrawn(&outstanding.issued.command));
        let kept: Vec<_> = self
            .commands
            .drain(..)
            .filter(|issued| !withdrawn(&issued.command))
            .collect();
        self.commands.extend(kept);
    }

    fn known_command(&self, id: CommandId) -> Result<(), InputError> {
        if id.0 < self.next_command {
            Ok(())
        } else {
            Err(InputError::UnknownCommand(id))
        }
    }
}
