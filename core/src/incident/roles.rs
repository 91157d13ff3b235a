//! Who does what in an incident, since when and until when.
//!
//! At most one person holds a role at a time, experts apart: there may be several for a service. A
//! hand-over is offered and must be accepted; until then whoever held the role still does.
//! The roles are those of PagerDuty's response guide
//! (<https://response.pagerduty.com/before/different_roles/>) and of Google's incident command.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{PersonId, ServiceId};
use crate::time::Micros;

/// A role in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentRole {
    /// Decides.
    Commander,
    /// Stands by to take command.
    Deputy,
    /// Writes down what happens.
    Scribe,
    /// Tells those outside.
    Communications,
    /// Changes the system; nobody else does.
    Operations,
    /// Knows a service.
    Expert(ServiceId),
}

impl IncidentRole {
    /// Whether several may hold it at once.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        match self {
            Self::Expert(_) => true,
            Self::Commander
            | Self::Deputy
            | Self::Scribe
            | Self::Communications
            | Self::Operations => false,
        }
    }
}

/// Why somebody no longer holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenureEnd {
    /// Somebody else accepted it.
    HandedOver(PersonId),
    /// They laid it down.
    Released,
    /// They took command instead.
    TookCommand,
    /// The incident was over.
    Over,
}

/// A role held by somebody for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// The role.
    pub role: IncidentRole,
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub from: Micros,
    /// Until when, and why; absent while they hold it.
    pub ended: Option<(Micros, TenureEnd)>,
}

impl Tenure {
    /// Whether they hold it still.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.ended.is_none()
    }
}

/// A hand-over that was offered and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The role.
    pub role: IncidentRole,
    /// Who holds it.
    pub from: PersonId,
    /// Who is to take it.
    pub to: PersonId,
    /// Since when.
    pub at: Micros,
}

/// A change of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleChange {
    /// Somebody took a role that nobody held.
    Assumed(IncidentRole, PersonId),
    /// Somebody offered their role.
    Offered(Offer),
    /// Somebody did not want it.
    Declined(Offer),
    /// Somebody accepted it.
    HandedOver(Offer),
    /// Somebody laid it down.
    Released(IncidentRole, PersonId),
}

/// Why a role does not change. What is refused changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Somebody holds it.
    #[error("person {1} is {0:?}: a hand-over must be offered and accepted")]
    Held(IncidentRole, PersonId),
    /// They do not hold it.
    #[error("person {1} is not {0:?}")]
    NotHeld(IncidentRole, PersonId),
    /// They hold it already.
    #[error("person {1} is {0:?} already")]
    Already(IncidentRole, PersonId),
    /// There is no such offer.
    #[error("nobody offered {0:?} to person {1}")]
    NotOffered(IncidentRole, PersonId),
    /// A commander cannot be their own deputy.
    #[error("person {0} commands and cannot also be the deputy")]
    OwnDeputy(PersonId),
}

/// The roles of one incident over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    tenures: Vec<Tenure>,
    offers: Vec<Offer>,
}

impl Roles {
    /// Every tenure, in the order in which they began.
    #[must_use]
    pub fn tenures(&self) -> &[Tenure] {
        &self.tenures
    }

    /// Offers without an answer.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Those who hold a role now.
    pub fn holders(&self, role: IncidentRole) -> impl Iterator<Item = PersonId> {
        self.tenures
            .iter()
            .filter(move |tenure| tenure.role == role && tenure.is_active())
            .map(|tenure| tenure.person)
    }

    /// Who commands.
    #[must_use]
    pub fn commander(&self) -> Option<PersonId> {
        self.holders(IncidentRole::Commander).next()
    }

    /// Somebody takes a role that nobody holds. A deputy who takes command is deputy no more.
    ///
    /// # Errors
    ///
    /// Somebody holds it, or a commander would be their own deputy.
    pub fn assume(
        &mut self,
        now: Micros,
        role: IncidentRole,
        person: PersonId,
    ) -> Result<RoleChange, RoleError> {
        self.check_takes(role, person)?;
        if let Some(holder) = self.holders(role).next()
            && !role.is_shared()
        {
            return Err(RoleError::Held(role, holder));
        }
        self.begin(now, role, person);
        Ok(RoleChange::Assumed(role, person))
    }

    /// Somebody offers their role to somebody else. A new offer of it replaces the old one.
    ///
    /// # Errors
    ///
    /// They do not hold it, or the other one does.
    pub fn offer(
        &mut self,
        now: Micros,
        role: IncidentRole,
        from: PersonId,
        to: PersonId,
    ) -> Result<RoleChange, RoleError> {
        self.check_holds(role, from)?;
        self.check_takes(role, to)?;
        let offer = Offer {
            role,
            from,
            to,
            at: now,
        };
        self.offers
            .retain(|old| (old.role, old.from) != (role, from));
        self.offers.push(offer);
        Ok(RoleChange::Offered(offer))
    }

    /// Somebody accepts a role that was offered to them.
    ///
    /// # Errors
    ///
    /// It was not, or a commander would be their own deputy.
    pub fn accept(
        &mut self,
        now: Micros,
        role: IncidentRole,
        to: PersonId,
    ) -> Result<RoleChange, RoleError> {
        let offer = self.offer_to(role, to)?;
        self.check_takes(role, to)?;
        self.end(now, role, offer.from, TenureEnd::HandedOver(to));
        self.begin(now, role, to);
        Ok(RoleChange::HandedOver(offer))
    }

    /// Somebody declines a role that was offered to them.
    ///
    /// # Errors
    ///
    /// It was not.
    pub fn decline(&mut self, role: IncidentRole, to: PersonId) -> Result<RoleChange, RoleError> {
        let offer = self.offer_to(role, to)?;
        self.offers.retain(|open| *open != offer);
        Ok(RoleChange::Declined(offer))
    }

    /// Somebody lays a role down without a successor.
    ///
    /// # Errors
    ///
    /// They do not hold it.
    pub fn release(
        &mut self,
        now: Micros,
        role: IncidentRole,
        person: PersonId,
    ) -> Result<RoleChange, RoleError> {
        self.check_holds(role, person)?;
        self.end(now, role, person, TenureEnd::Released);
        Ok(RoleChange::Released(role, person))
    }

    /// The incident is over: nobody holds a role any more.
    pub fn end_all(&mut self, now: Micros) {
        self.offers.clear();
        for tenure in &mut self.tenures {
            tenure.ended.get_or_insert((now, TenureEnd::Over));
        }
    }

    fn begin(&mut self, now: Micros, role: IncidentRole, person: PersonId) {
        if role == IncidentRole::Commander {
            self.end(now, IncidentRole::Deputy, person, TenureEnd::TookCommand);
            let deputy = |offer: &Offer| offer.role == IncidentRole::Deputy && offer.to == person;
            self.offers.retain(|offer| !deputy(offer));
        }
        self.tenures.push(Tenure {
            role,
            person,
            from: now,
            ended: None,
        });
    }

    fn end(&mut self, now: Micros, role: IncidentRole, person: PersonId, why: TenureEnd) {
        self.offers
            .retain(|offer| (offer.role, offer.from) != (role, person));
        for tenure in &mut self.tenures {
            if (tenure.role, tenure.person) == (role, person) {
                tenure.ended.get_or_insert((now, why));
            }
        }
    }

    fn check_holds(&self, role: IncidentRole, person: PersonId) -> Result<(), RoleError> {
        if self.holders(role).any(|holder| holder == person) {
            Ok(())
        } else {
            Err(RoleError::NotHeld(role, person))
        }
    }

    fn check_takes(&self, role: IncidentRole, person: PersonId) -> Result<(), RoleError> {
        if self.holders(role).any(|holder| holder == person) {
            return Err(RoleError::Already(role, person));
        }
        if role == IncidentRole::Deputy && self.commander() == Some(person) {
            return Err(RoleError::OwnDeputy(person));
        }
        Ok(())
    }

    fn offer_to(&self, role: IncidentRole, to: PersonId) -> Result<Offer, RoleError> {
        self.offers
            .iter()
            .find(|offer| (offer.role, offer.to) == (role, to))
            .copied()
            .ok_or(RoleError::NotOffered(role, to))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ANA: PersonId = PersonId(0);
    const BO: PersonId = PersonId(1);
    const COMMAND: IncidentRole = IncidentRole::Commander;

    #[test]
    fn a_hand_over_needs_acceptance() {
        let mut roles = Roles::default();
        roles.assume(Micros(1), COMMAND, ANA).unwrap();
        assert_eq!(
            roles.assume(Micros(2), COMMAND, BO),
            Err(RoleError::Held(COMMAND, ANA))
        );
        assert_eq!(
            roles.accept(Micros(2), COMMAND, BO),
            Err(RoleError::NotOffered(COMMAND, BO))
        );
        roles.offer(Micros(3), COMMAND, ANA, BO).unwrap();
        assert_eq!(roles.commander(), Some(ANA), "until it is accepted");
        roles.accept(Micros(5), COMMAND, BO).unwrap();
        assert_eq!(roles.commander(), Some(BO));
        let tenure = |person, from, ended| Tenure {
            role: COMMAND,
            person,
            from: Micros(from),
            ended,
        };
        let handed_over = Some((Micros(5), TenureEnd::HandedOver(BO)));
        assert_eq!(
            roles.tenures(),
            [tenure(ANA, 1, handed_over), tenure(BO, 5, None)]
        );
    }

    #[test]
    fn an_offer_that_is_declined_or_whose_owner_left_is_void() {
        let mut roles = Roles::default();
        roles.assume(Micros(1), COMMAND, ANA).unwrap();
        roles.offer(Micros(2), COMMAND, ANA, BO).unwrap();
        roles.decline(COMMAND, BO).unwrap();
        assert!(roles.accept(Micros(3), COMMAND, BO).is_err());
        roles.offer(Micros(4), COMMAND, ANA, BO).unwrap();
        roles.release(Micros(5), COMMAND, ANA).unwrap();
        assert!(roles.accept(Micros(6), COMMAND, BO).is_err());
        assert_eq!(roles.commander(), None);
        assert_eq!(roles.offers(), []);
    }

    #[test]
    fn a_deputy_takes_command_and_is_deputy_no_more() {
        let mut roles = Roles::default();
        roles.assume(Micros(1), COMMAND, ANA).unwrap();
        assert_eq!(
            roles.assume(Micros(1), IncidentRole::Deputy, ANA),
            Err(RoleError::OwnDeputy(ANA))
        );
        roles.assume(Micros(1), IncidentRole::Deputy, BO).unwrap();
        roles.release(Micros(2), COMMAND, ANA).unwrap();
        roles.assume(Micros(3), COMMAND, BO).unwrap();
        assert_eq!(roles.holders(IncidentRole::Deputy).next(), None);
    }

    #[test]
    fn a_service_may_have_several_experts() {
        let mut roles = Roles::default();
        let expert = IncidentRole::Expert(ServiceId(2));
        roles.assume(Micros(1), expert, ANA).unwrap();
        roles.assume(Micros(2), expert, BO).unwrap();
        assert_eq!(
            roles.assume(Micros(3), expert, BO),
            Err(RoleError::Already(expert, BO))
        );
        assert_eq!(roles.holders(expert).collect::<Vec<_>>(), vec![ANA, BO]);
        roles.end_all(Micros(9));
        assert_eq!(roles.holders(expert).next(), None);
    }
}
