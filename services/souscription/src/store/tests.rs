//! The service's memory over a real database.

use platform::{
    consumer::EffectError,
    metrics::Metrics,
    store::{DataFolder, WriteError},
};
use schemas::TypeBien;
use tempfile::TempDir;

use super::*;

struct Memory {
    _folder: TempDir,
    store: Store,
    contrats: ContratStore,
}

impl Memory {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let owned = DataFolder::own(folder.path(), "test").expect("the folder is free");
        let store = Store::open(owned, "souscription", &migrations(), 100, &Metrics::new()).await;
        let store = store.expect("a database");
        Self { _folder: folder, contrats: ContratStore::new(store.clone()), store }
    }

    async fn hear(&self, devis: DevisId, said: Said) {
        let heard = self.store.writer.run(move |batch| {
            Box::pin(async move {
                let connection = batch.connection().await?;
                match said {
                    Said::Genere => hear_genere(connection, [&genere(devis)].into_iter()).await?,
                    Said::Expire => hear_expire(connection, [&expire(devis)].into_iter()).await?,
                }
                Ok::<_, EffectError>(())
            })
        });
        heard.await.expect("heard");
    }

    /// How many claims the contract has, as the claim is told.
    async fn claim(&self, contrat: ContratId, claim: Claim) -> Option<u32> {
        let told = self.store.writer.run(move |batch| {
            Box::pin(async move {
                Ok::<_, EffectError>(hear_claim(batch.connection().await?, contrat, claim).await?)
            })
        });
        told.await.expect("told")
    }

    async fn converted(&self) -> Contrat {
        let devis = DevisId::generate();
        self.hear(devis, Said::Genere).await;
        self.contrats.convert(devis, at(NOW)).await.expect("a valid quote")
    }

    async fn same(&self, contrat: &Contrat) {
        assert_eq!(self.contrats.find(contrat.id).await.expect("readable").as_ref(), Some(contrat));
    }
}

/// An event of a quote.
#[derive(Debug, Clone, Copy)]
enum Said {
    Genere,
    Expire,
}

const NOW: &str = "2026-11-26T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn genere(devis_id: DevisId) -> DevisGenere {
    DevisGenere {
        devis_id,
        client_id: "C001".parse().expect("a client"),
        type_bien: TypeBien::Auto,
        valeur: "25000".parse().expect("an amount"),
        prime: "500".parse().expect("an amount"),
        date_expiration: at("2026-12-26T00:00:00Z"),
        timestamp: at(NOW),
        version: Version::FIRST,
    }
}

fn expire(devis_id: DevisId) -> DevisExpire {
    DevisExpire { devis_id, date_expiration: at(NOW), timestamp: at(NOW), version: Version::FIRST.next() }
}

fn motif() -> FreeText {
    "impayé".parse().expect("a reason")
}

/// The refusal of a command that must not have an effect.
fn refused<T: std::fmt::Debug>(answer: Result<T, WriteError<CommandError>>) -> Refus {
    match answer {
        Err(WriteError::Refused(CommandError::Refused(refus))) => refus,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_quote_becomes_one_contract_with_one_event() {
    let memory = Memory::open().await;
    let devis = DevisId::generate();
    assert_eq!(refused(memory.contrats.convert(devis, at(NOW)).await), Refus::DevisInconnu);
    memory.hear(devis, Said::Genere).await;
    let contrat = memory.contrats.convert(devis, at(NOW)).await.expect("a valid quote");
    memory.same(&contrat).await;
    assert_eq!(
        (contrat.devis_id, contrat.client_id.as_str(), contrat.statut),
        (devis, "C001", Statut::Actif)
    );
    // Told again, as Kafka may, the quote is still the contract's.
    memory.hear(devis, Said::Genere).await;
    let again = memory.contrats.convert(devis, at(NOW)).await;
    assert_eq!(refused(again), Refus::DejaConverti { contrat: contrat.id });
    assert_eq!(memory.store.outbox.backlog(), 1);
}

#[tokio::test]
async fn an_expired_quote_is_one_in_whatever_order_its_events_come() {
    let memory = Memory::open().await;
    for order in [[Said::Genere, Said::Expire], [Said::Expire, Said::Genere]] {
        let devis = DevisId::generate();
        for said in order {
            memory.hear(devis, said).await;
        }
        assert_eq!(refused(memory.contrats.convert(devis, at(NOW)).await), Refus::DevisExpire, "{order:?}");
    }
    assert_eq!(memory.store.outbox.backlog(), 0);
}

#[tokio::test]
async fn a_contract_is_read_as_it_was_stored_all_its_life() {
    let memory = Memory::open().await;
    let id = memory.converted().await.id;
    let changes = [
        Changement::Prime("480".parse().expect("an amount")),
        Changement::DateFin(at("2028-01-01T00:00:00Z")),
        Changement::Suspension(motif()),
        Changement::Reprise(motif()),
    ];
    for (version, changement) in (2..).zip(changes) {
        let contrat = memory.contrats.change(id, changement, at(NOW)).await.expect("possible");
        assert_eq!(contrat.version.get(), version);
        memory.same(&contrat).await;
    }
    let ended = memory.contrats.end(id, motif(), at(NOW)).await.expect("possible");
    assert_eq!((ended.statut, ended.version.get()), (Statut::Resilie, 6));
    memory.same(&ended).await;
    assert_eq!(memory.store.outbox.backlog(), 6);

    // What is refused changes nothing.
    refused(memory.contrats.end(id, motif(), at(NOW)).await);
    refused(memory.contrats.change(id, Changement::Suspension(motif()), at(NOW)).await);
    let nobodys = memory.contrats.end(ContratId::generate(), motif(), at(NOW)).await;
    assert_eq!(refused(nobodys), Refus::ContratInconnu);
    memory.same(&ended).await;
    assert_eq!(memory.store.outbox.backlog(), 6);
}

#[tokio::test]
async fn claims_are_counted_in_whatever_order_they_come_and_a_change_leaves_them_alone() {
    let memory = Memory::open().await;
    let contrat = memory.converted().await;
    let paid = Claim::Paid("1650".parse().expect("an amount"));
    for (claim, so_far) in
        [(paid, 0), (Claim::Declared, 1), (Claim::Rejected, 1), (Claim::Declared, 2), (paid, 2)]
    {
        assert_eq!(memory.claim(contrat.id, claim).await, Some(so_far), "{claim:?}");
    }
    assert_eq!(memory.claim(ContratId::generate(), Claim::Declared).await, None, "nobody made it here");
    let bilan = Bilan { sinistres: 2, rejetes: 1, indemnites: Total(330_000) };
    memory.same(&Contrat { bilan, ..contrat.clone() }).await;
    memory.contrats.change(contrat.id, Changement::Suspension(motif()), at(NOW)).await.expect("possible");
    let found = memory.contrats.find(contrat.id).await.expect("readable").expect("there");
    assert_eq!(found.bilan, bilan);
}

#[tokio::test]
async fn a_clients_contracts_come_newest_first_page_by_page() {
    let memory = Memory::open().await;
    let (first, second) = (memory.converted().await, memory.converted().await);
    let page = memory.contrats.of_client("C001", None, 1).await.expect("readable");
    assert_eq!(page.items, [second]);
    let page = memory.contrats.of_client("C001", page.next, 1).await.expect("readable");
    assert_eq!(page.items, [first]);
    assert!(page.next.is_none());
    assert!(memory.contrats.of_client("nobody", None, 1).await.expect("readable").items.is_empty());
}
