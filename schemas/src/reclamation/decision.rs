//! How a claim is judged.

crate::named! {
    /// How a claim was judged (enum `Decision` of `SinistreEvalue.avsc`, in the order of its symbols).
    pub enum Decision {
        /// It will be paid.
        Accepte = "ACCEPTE",
        /// Nothing is paid.
        Rejete = "REJETE",
        /// What a newer schema knows and this one does not.
        Autre = "AUTRE",
    }

    /// A text that names no decision.
    pub struct UnknownDecision;
}
