//! What a contract is and how it changes. Pure: time and ids come in as arguments.

#[cfg(test)]
mod tests;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use platform::text::FreeText;
use schemas::{
    Cents, ClientId, ContratEmis, ContratId, ContratModifie, ContratResilie, DevisId, Modification, Total,
    TypeBien, Version, millis,
};

schemas::named! {
    /// Where a contract is in its life (plan, instruction 2.2.1).
    pub enum Statut {
        /// The client is insured.
        Actif = "ACTIF",
        /// The cover rests.
        Suspendu = "SUSPENDU",
        /// It was ended.
        Resilie = "RESILIE",
    }

    /// A text that names no status.
    pub struct UnknownStatut;
}

/// A quote, as far as it was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devis {
    pub id: DevisId,
    /// What DevisGenere said; nothing where only DevisExpire was heard.
    pub offre: Option<Offre>,
    /// DevisExpire was heard.
    pub expire: bool,
    /// The contract that it became.
    pub contrat: Option<ContratId>,
}

/// What a quote offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offre {
    pub client_id: ClientId,
    pub type_bien: TypeBien,
    pub prime: Cents,
    pub date_expiration: Timestamp,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contrat {
    pub id: ContratId,
    pub devis_id: DevisId,
    pub client_id: ClientId,
    pub type_bien: TypeBien,
    /// The yearly premium.
    pub prime: Cents,
    pub date_effet: Timestamp,
    /// The first instant that is not covered any more.
    pub date_fin: Timestamp,
    pub statut: Statut,
    pub version: Version,
    pub bilan: Bilan,
}

/// What was heard of a contract's claims so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bilan {
    pub sinistres: u32,
    pub rejetes: u32,
    /// What was paid in all.
    pub indemnites: Total,
}

/// How a contract is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changement {
    Prime(Cents),
    DateFin(Timestamp),
    Suspension(FreeText),
    Reprise(FreeText),
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refus {
    #[error(
        "no such quote was heard of: where it was made just now, its event is still on its way; try again in a moment"
    )]
    DevisInconnu,
    #[error("the quote became contract {contrat} already")]
    DejaConverti { contrat: ContratId },
    #[error("the quote has expired; ask for a new one")]
    DevisExpire,
    #[error("no contract has this id")]
    ContratInconnu,
    #[error("the contract is {statut}: {possible}")]
    Etat { statut: Statut, possible: &'static str },
    #[error("must be greater than 0")]
    PrimeNotPositive,
    #[error("must be after the contract's dateEffet, not in the past, and at most ten years after dateEffet")]
    DateFin,
}

/// Makes the contract of a quote: in force from now on, for a year. Instants are kept to the millisecond.
///
/// A quote whose expiry was not heard yet is judged by the instant that it announced, so that both services say the same.
/// Where a conversion and an expiry cross all the same, the contract wins: it was answered before its service heard of the
/// expiry, and whoever has a contract is insured.
pub fn convertir(
    id: ContratId,
    devis: Option<Devis>,
    now: Timestamp,
) -> Result<(Contrat, ContratEmis), Refus> {
    let devis = devis.ok_or(Refus::DevisInconnu)?;
    if let Some(contrat) = devis.contrat {
        return Err(Refus::DejaConverti { contrat });
    }
    if devis.expire {
        return Err(Refus::DevisExpire);
    }
    let offre = devis.offre.ok_or(Refus::DevisInconnu)?;
    let now = millis(now);
    if now >= offre.date_expiration {
        return Err(Refus::DevisExpire);
    }
    let contrat = Contrat {
        id,
        devis_id: devis.id,
        client_id: offre.client_id,
        type_bien: offre.type_bien,
        prime: offre.prime,
        date_effet: now,
        date_fin: years_after(now, 1),
        statut: Statut::Actif,
        version: Version::FIRST,
        bilan: Bilan::default(),
    };
    let event = ContratEmis {
        contrat_id: contrat.id,
        devis_id: contrat.devis_id,
        client_id: contrat.client_id.clone(),
        type_bien: contrat.type_bien,
        prime: contrat.prime,
        date_effet: contrat.date_effet,
        date_fin: contrat.date_fin,
        timestamp: now,
        version: contrat.version,
    };
    Ok((contrat, event))
}

/// Most years of a cover.
const LONGEST_COVER: i64 = 10;

/// The same day and time so many years later, in UTC; 28 February for a 29th that is not there.
fn years_after(instant: Timestamp, years: i64) -> Timestamp {
    let then = instant.to_zoned_datetime(TimeZone::UTC).checked_add(years.years());
    // Only a clock in the last years before 10000 has no such day.
    then.map_or(Timestamp::MAX, |then| then.timestamp())
}

/// Changes a contract. An active one can be changed and suspended; a suspended one goes on, and then can be changed.
pub fn modifier(
    contrat: Contrat,
    changement: Changement,
    now: Timestamp,
) -> Result<(Contrat, ContratModifie), Refus> {
    let statut = contrat.statut;
    let refuse = |possible| Err(Refus::Etat { statut, possible });
    let now = millis(now);
    let mut contrat = contrat;
    let (modification, nouvelle_valeur) = match (statut, changement) {
        (Statut::Resilie, _) => return refuse("nothing changes it any more"),
        (Statut::Actif, Changement::Reprise(_)) => return refuse("it is not suspended"),
        (Statut::Suspendu, Changement::Reprise(motif)) => {
            contrat.statut = Statut::Actif;
            (Modification::Reprise, motif.into_text())
        }
        (Statut::Suspendu, _) => return refuse("send REPRISE first"),
        (Statut::Actif, Changement::Suspension(motif)) => {
            contrat.statut = Statut::Suspendu;
            (Modification::Suspension, motif.into_text())
        }
        (Statut::Actif, Changement::Prime(prime)) => {
            if prime.get() <= 0 {
                return Err(Refus::PrimeNotPositive);
            }
            contrat.prime = prime;
            (Modification::Prime, prime.to_string())
        }
        (Statut::Actif, Changement::DateFin(date_fin)) => {
            let date_fin = millis(date_fin);
            let latest = years_after(contrat.date_effet, LONGEST_COVER);
            if date_fin <= contrat.date_effet || date_fin < now || date_fin > latest {
                return Err(Refus::DateFin);
            }
            contrat.date_fin = date_fin;
            (Modification::DateFin, format!("{date_fin:.3}"))
        }
    };
    contrat.version = contrat.version.next();
    let event = ContratModifie {
        contrat_id: contrat.id,
        modification,
        nouvelle_valeur,
        timestamp: now,
        version: contrat.version,
    };
    Ok((contrat, event))
}

/// Ends a contract, active or suspended, from now on.
pub fn resilier(
    contrat: Contrat,
    motif: FreeText,
    now: Timestamp,
) -> Result<(Contrat, ContratResilie), Refus> {
    if contrat.statut == Statut::Resilie {
        return Err(Refus::Etat { statut: contrat.statut, possible: "it was ended before" });
    }
    let contrat = Contrat { statut: Statut::Resilie, version: contrat.version.next(), ..contrat };
    let now = millis(now);
    let event = ContratResilie {
        contrat_id: contrat.id,
        motif: motif.into_text(),
        date_resiliation: now,
        timestamp: now,
        version: contrat.version,
    };
    Ok((contrat, event))
}
