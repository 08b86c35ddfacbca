//! The service's memory over a real database.

use jiff::Timestamp;
use platform::{
    consumer::EffectError,
    metrics::Metrics,
    store::{DataFolder, Store},
    text::Instant,
};
use schemas::{ContratEmis, ContratId, ContratResilie, DevisId, TypeBien, TypeSinistre, Version};
use tempfile::TempDir;

use super::{contrat::find, *};
use crate::domain::{Contrat, Couverture, Statut};

struct Memory {
    _folder: TempDir,
    store: Store,
    sinistres: SinistreStore,
}

impl Memory {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let owned = DataFolder::own(folder.path(), "test").expect("the folder is free");
        let store = Store::open(owned, "reclamation", &migrations(), 100, &Metrics::new()).await;
        let store = store.expect("a database");
        Self { _folder: folder, sinistres: SinistreStore::new(store.clone()), store }
    }

    async fn hear(&self, contrat: ContratId, said: Said) {
        let heard = self.store.writer.run(move |batch| {
            Box::pin(async move {
                let connection = batch.connection().await?;
                match said {
                    Said::Emis => hear_emis(connection, [&emis(contrat)].into_iter()).await?,
                    Said::Modifie(change, version) => {
                        let version = Version::new(version).expect("from 1 on");
                        hear_modifie(connection, contrat, change, version).await?;
                    }
                    Said::Resilie => hear_resilie(connection, [&resilie(contrat)].into_iter()).await?,
                }
                Ok::<_, EffectError>(())
            })
        });
        heard.await.expect("heard");
    }

    async fn contrat(&self, id: ContratId) -> Option<Contrat> {
        let mut connection = self.store.readers.acquire().await.expect("a reader");
        find(&mut connection, id).await.expect("readable")
    }
}

/// An event of a contract.
#[derive(Debug, Clone, Copy)]
enum Said {
    Emis,
    Modifie(Change, i64),
    Resilie,
}

fn at(text: &str) -> Timestamp {
    let Instant(instant) = text.parse().expect("an instant");
    instant
}

fn emis(contrat_id: ContratId) -> ContratEmis {
    ContratEmis {
        contrat_id,
        devis_id: DevisId::generate(),
        client_id: "C001".parse().expect("a client"),
        type_bien: TypeBien::Auto,
        prime: Cents::ZERO,
        date_effet: at("2026-11-01T00:00:00Z"),
        date_fin: at("2027-11-01T00:00:00Z"),
        timestamp: at("2026-11-01T00:00:00Z"),
        version: Version::FIRST,
    }
}

fn resilie(contrat_id: ContratId) -> ContratResilie {
    let date_resiliation = at("2026-12-01T00:00:00Z");
    let version = Version::new(9).expect("from 1 on");
    ContratResilie {
        contrat_id,
        motif: String::new(),
        date_resiliation,
        timestamp: date_resiliation,
        version,
    }
}

/// Every order of these.
fn orders<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |first: usize| {
        let rest: Vec<T> =
            of.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, one)| *one).collect();
        orders(&rest).into_iter().map(move |order| [vec![of[first]], order].concat())
    };
    (0..of.len()).flat_map(with_first).collect()
}

#[tokio::test]
async fn a_contract_is_the_same_in_whatever_order_its_events_come() {
    let memory = Memory::open().await;
    let (earlier, later) = (at("2028-01-01T00:00:00Z"), at("2029-01-01T00:00:00Z"));
    let said = [
        Said::Emis,
        Said::Modifie(Change::DateFin(earlier), 2),
        Said::Modifie(Change::Suspendu(true), 3),
        Said::Modifie(Change::DateFin(later), 4),
        Said::Modifie(Change::Suspendu(false), 5),
    ];
    let couverture = Couverture {
        client_id: "C001".parse().expect("a client"),
        date_effet: at("2026-11-01T00:00:00Z"),
        date_fin: later,
    };
    let wanted = Contrat { couverture: Some(couverture), suspendu: false, resilie: false };
    for order in orders(&said) {
        let id = ContratId::generate();
        for said in &order {
            memory.hear(id, *said).await;
        }
        assert_eq!(memory.contrat(id).await.as_ref(), Some(&wanted), "{order:?}");
    }
}

#[tokio::test]
async fn a_contract_that_was_ended_stays_so() {
    let memory = Memory::open().await;
    let last = Said::Modifie(Change::Suspendu(true), 3);
    for order in orders(&[Said::Emis, Said::Resilie, last]) {
        let id = ContratId::generate();
        for said in &order {
            memory.hear(id, *said).await;
        }
        let contrat = memory.contrat(id).await.expect("heard of");
        assert!(contrat.resilie && contrat.suspendu && contrat.couverture.is_some(), "{order:?}");
    }
    assert_eq!(memory.contrat(ContratId::generate()).await, None);
}

#[tokio::test]
async fn a_claim_is_read_as_it_was_stored_all_its_life() {
    let memory = Memory::open().await;
    let contrat = ContratId::generate();
    memory.hear(contrat, Said::Emis).await;
    let declaration = || Declaration {
        contrat_id: contrat,
        type_sinistre: TypeSinistre::Incendie,
        description: "feu de cuisine".parse().expect("words"),
        date_survenance: None,
        montant_estime: "2000".parse().expect("an amount"),
    };
    let now = at("2026-11-26T00:00:00Z");
    let mut sinistre = memory.sinistres.declare(declaration(), now).await.expect("covered");
    let same = async |sinistre: &Sinistre| {
        assert_eq!(memory.sinistres.find(sinistre.id).await.expect("readable").as_ref(), Some(sinistre));
    };
    same(&sinistre).await;
    assert_eq!(memory.store.outbox.backlog(), 1);
    sinistre = memory.sinistres.inspect(sinistre.id).await.expect("an expert");
    same(&sinistre).await;
    assert_eq!(memory.store.outbox.backlog(), 1, "an expert makes no event");
    let montant = "1650.50".parse().expect("an amount");
    let accepte = Evaluation::Accepte { montant, motif: "au vu de l'expertise".parse().ok() };
    sinistre = memory.sinistres.judge(sinistre.id, accepte, now).await.expect("judged");
    same(&sinistre).await;
    sinistre = memory.sinistres.pay(sinistre.id, now).await.expect("paid");
    same(&sinistre).await;
    assert_eq!((sinistre.statut, sinistre.version.get()), (Statut::Indemnise, 3));
    assert_eq!(memory.store.outbox.backlog(), 3);
    memory.sinistres.pay(sinistre.id, now).await.expect_err("paid before");

    let other = memory.sinistres.declare(declaration(), now).await.expect("covered");
    let first = memory.sinistres.of_client("C001", None, 1).await.expect("readable");
    assert_eq!(first.items, [other]);
    let second = memory.sinistres.of_client("C001", first.next, 1).await.expect("readable");
    assert_eq!(second.items, [sinistre]);
    assert!(second.next.is_none());
}
