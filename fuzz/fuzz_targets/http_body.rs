//! The bodies of every command, and the query of every list.

#![no_main]

use std::time::Duration;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use platform::http::ListQuery;
use quotation::domain;
use schemas::DevisId;

fuzz_target!(|data: &[u8]| {
    if let Ok(demande) = quotation::api::asked(data) {
        let (devis, _) = domain::generer(DevisId::generate(), demande, Timestamp::UNIX_EPOCH, Duration::ZERO);
        assert!(devis.valeur.get() > 0 && devis.prime.get() <= devis.valeur.get(), "{devis:?}");
    }
    let _ = souscription::api::asked::conversion(data);
    let _ = souscription::api::asked::change(data);
    let _ = souscription::api::asked::end(data);
    let _ = reclamation::api::asked::declaration(data);
    let _ = reclamation::api::asked::evaluation(data);
    if let Ok(query) = std::str::from_utf8(data) {
        let _ = ListQuery::parse(query);
    }
});
