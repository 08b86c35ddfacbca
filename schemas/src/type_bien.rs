//! What can be insured.

crate::named! {
    /// What is insured (enum `TypeBien` of `DevisGenere.avsc` and `ContratEmis.avsc`, in the order of its symbols).
    pub enum TypeBien {
        Auto = "AUTO",
        Habitation = "HABITATION",
        Autre = "AUTRE",
    }

    /// A text that names no kind of good.
    pub struct UnknownTypeBien;
}
