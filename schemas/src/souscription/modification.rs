//! What can change in a contract.

crate::named! {
    /// What a `ContratModifie` changed, and so what its `nouvelle_valeur` means (enum `Modification` of
    /// `ContratModifie.avsc`, in the order of its symbols).
    pub enum Modification {
        /// The premium; the new value is an amount such as `512.50`.
        Prime = "PRIME",
        /// The end of the cover; the new value is an RFC 3339 instant.
        DateFin = "DATE_FIN",
        /// The cover is suspended; the new value is the reason in words, or empty.
        Suspension = "SUSPENSION",
        /// A suspended cover goes on; the new value is the reason in words, or empty.
        Reprise = "REPRISE",
        /// What a newer schema knows and this one does not.
        Autre = "AUTRE",
    }

    /// A text that names no modification.
    pub struct UnknownModification;
}
