//! What a claim can be for.

crate::named! {
    /// What happened (enum `TypeSinistre` of `SinistreDeclare.avsc`, in the order of its symbols).
    pub enum TypeSinistre {
        Accident = "ACCIDENT",
        Vol = "VOL",
        Incendie = "INCENDIE",
        DegatDesEaux = "DEGAT_DES_EAUX",
        Autre = "AUTRE",
    }

    /// A text that names no kind of loss.
    pub struct UnknownTypeSinistre;
}
