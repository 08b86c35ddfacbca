//! What a claim is and how it changes. Pure: time and ids come in as arguments.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use platform::text::FreeText;
use schemas::{
    Cents, ClientId, ContratId, Decision, IndemnisationEffectuee, IndemnisationId, SinistreDeclare,
    SinistreEvalue, SinistreId, TypeSinistre, Version, millis,
};

schemas::named! {
    /// Where a claim is in its life (plan, instruction 2.3.1).
    pub enum Statut {
        /// The client has told of it.
        Declare = "DECLARE",
        /// An expert looks at the loss.
        EnExpertise = "EN_EXPERTISE",
        /// It was accepted, and waits for its payment.
        Evalue = "EVALUE",
        /// It was paid.
        Indemnise = "INDEMNISE",
        /// Nothing is paid.
        Rejete = "REJETE",
    }

    /// A text that names no status.
    pub struct UnknownStatut;
}

/// A contract, as far as it was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contrat {
    /// What ContratEmis said; nothing where only a later event was heard.
    pub couverture: Option<Couverture>,
    pub suspendu: bool,
    pub resilie: bool,
}

/// Whom a contract covers, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Couverture {
    pub client_id: ClientId,
    pub date_effet: Timestamp,
    /// The first instant that is not covered any more.
    pub date_fin: Timestamp,
}

/// What a client tells of a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub contrat_id: ContratId,
    pub type_sinistre: TypeSinistre,
    pub description: FreeText,
    /// When it happened; just now where it is not said.
    pub date_survenance: Option<Timestamp>,
    pub montant_estime: Cents,
}

/// How a claim is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluation {
    Accepte { montant: Cents, motif: Option<FreeText> },
    Rejete { motif: FreeText },
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sinistre {
    pub id: SinistreId,
    pub contrat_id: ContratId,
    pub client_id: ClientId,
    pub type_sinistre: TypeSinistre,
    pub description: String,
    pub date_survenance: Timestamp,
    pub date_declaration: Timestamp,
    pub montant_estime: Cents,
    /// What will be paid, once it was judged; 0 where it was rejected.
    pub montant_evalue: Option<Cents>,
    /// The reason of that, in words.
    pub motif: Option<String>,
    /// Its payment.
    pub indemnisation: Option<Indemnisation>,
    pub statut: Statut,
    pub version: Version,
}

/// The payment of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indemnisation {
    pub id: IndemnisationId,
    pub montant: Cents,
    pub date_paiement: Timestamp,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refus {
    #[error(
        "no such contract was heard of: where it was made just now, its event is still on its way; try again in a moment"
    )]
    ContratInconnu,
    #[error("the contract is SUSPENDU: it covers nothing until it goes on")]
    ContratSuspendu,
    #[error("the contract is RESILIE: it covers nothing any more")]
    ContratResilie,
    #[error("must be greater than 0")]
    MontantEstime,
    #[error("must be greater than 0")]
    MontantEvalue,
    #[error("must not be in the future")]
    SurvenanceFuture,
    #[error(
        "must lie within the contract's cover, which begins at {date_effet:.3} and ends at {date_fin:.3}"
    )]
    HorsCouverture { date_effet: Timestamp, date_fin: Timestamp },
    #[error("no claim has this id")]
    SinistreInconnu,
    #[error("the claim is {statut}: {possible}")]
    Etat { statut: Statut, possible: &'static str },
}

/// Makes a claim of what a client tells. Instants are kept to the millisecond.
pub fn declarer(
    id: SinistreId,
    contrat: Option<Contrat>,
    declaration: Declaration,
    now: Timestamp,
) -> Result<(Sinistre, SinistreDeclare), Refus> {
    let contrat = contrat.ok_or(Refus::ContratInconnu)?;
    if contrat.resilie {
        return Err(Refus::ContratResilie);
    }
    let Couverture { client_id, date_effet, date_fin } = contrat.couverture.ok_or(Refus::ContratInconnu)?;
    if contrat.suspendu {
        return Err(Refus::ContratSuspendu);
    }
    if declaration.montant_estime.get() <= 0 {
        return Err(Refus::MontantEstime);
    }
    let now = millis(now);
    let date_survenance = declaration.date_survenance.map_or(now, millis);
    if date_survenance > now {
        return Err(Refus::SurvenanceFuture);
    }
    if date_survenance < date_effet || date_survenance >= date_fin {
        return Err(Refus::HorsCouverture { date_effet, date_fin });
    }
    let sinistre = Sinistre {
        id,
        contrat_id: declaration.contrat_id,
        client_id,
        type_sinistre: declaration.type_sinistre,
        description: declaration.description.into_text(),
        date_survenance,
        date_declaration: now,
        montant_estime: declaration.montant_estime,
        montant_evalue: None,
        motif: None,
        indemnisation: None,
        statut: Statut::Declare,
        version: Version::FIRST,
    };
    let event = SinistreDeclare {
        sinistre_id: id,
        contrat_id: sinistre.contrat_id,
        type_sinistre: sinistre.type_sinistre,
        description: sinistre.description.clone(),
        date_survenance,
        montant_estime: sinistre.montant_estime,
        timestamp: now,
        version: sinistre.version,
    };
    Ok((sinistre, event))
}

/// Sends an expert. Nobody else has to know, so there is no event.
pub fn expertiser(sinistre: Sinistre) -> Result<Sinistre, Refus> {
    let statut = sinistre.statut;
    let refuse = |possible| Err(Refus::Etat { statut, possible });
    match statut {
        Statut::Declare => Ok(Sinistre { statut: Statut::EnExpertise, ..sinistre }),
        Statut::EnExpertise => refuse("an expert looks at it already"),
        Statut::Evalue | Statut::Indemnise | Statut::Rejete => refuse("it was judged before"),
    }
}

/// Judges a claim: by its file alone, or after an expert has looked at the loss.
pub fn evaluer(
    sinistre: Sinistre,
    evaluation: Evaluation,
    now: Timestamp,
) -> Result<(Sinistre, SinistreEvalue), Refus> {
    if !matches!(sinistre.statut, Statut::Declare | Statut::EnExpertise) {
        return Err(Refus::Etat { statut: sinistre.statut, possible: "it was judged before" });
    }
    let (decision, statut, montant, motif) = match evaluation {
        Evaluation::Accepte { montant, .. } if montant.get() <= 0 => return Err(Refus::MontantEvalue),
        Evaluation::Accepte { montant, motif } => (Decision::Accepte, Statut::Evalue, montant, motif),
        Evaluation::Rejete { motif } => (Decision::Rejete, Statut::Rejete, Cents::ZERO, Some(motif)),
    };
    let motif = motif.map(FreeText::into_text);
    let event = SinistreEvalue {
        sinistre_id: sinistre.id,
        contrat_id: sinistre.contrat_id,
        decision,
        montant_evalue: montant,
        motif: motif.clone().unwrap_or_default(),
        timestamp: millis(now),
        version: sinistre.version.next(),
    };
    let sinistre =
        Sinistre { montant_evalue: Some(montant), motif, statut, version: event.version, ..sinistre };
    Ok((sinistre, event))
}

/// Pays an accepted claim, also where its contract was ended in the meantime: the loss was covered when it happened.
pub fn indemniser(
    id: IndemnisationId,
    sinistre: Sinistre,
    now: Timestamp,
) -> Result<(Sinistre, IndemnisationEffectuee), Refus> {
    let statut = sinistre.statut;
    let refuse = |possible| Err(Refus::Etat { statut, possible });
    let montant = match (statut, sinistre.montant_evalue) {
        (Statut::Evalue, Some(montant)) => montant,
        (Statut::Declare | Statut::EnExpertise | Statut::Evalue, _) => return refuse("judge it first"),
        (Statut::Indemnise, _) => return refuse("it was paid before"),
        (Statut::Rejete, _) => return refuse("nothing is paid"),
    };
    let now = millis(now);
    let event = IndemnisationEffectuee {
        indemnisation_id: id,
        sinistre_id: sinistre.id,
        contrat_id: sinistre.contrat_id,
        montant,
        date_paiement: now,
        timestamp: now,
        version: sinistre.version.next(),
    };
    let sinistre = Sinistre {
        indemnisation: Some(Indemnisation { id, montant, date_paiement: now }),
        statut: Statut::Indemnise,
        version: event.version,
        ..sinistre
    };
    Ok((sinistre, event))
}
