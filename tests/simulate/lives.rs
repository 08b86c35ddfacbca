//! What became of each quote, read from the topics by a client that asks neither simulator nor services.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use apache_avro::Schema;
use edalab_tests::{
    reader::{Reader, Record},
    rig::{
        run::{ARRIVAL, Run},
        stand::{QUOTATION, RECLAMATION, SOUSCRIPTION, Stand},
    },
    wait,
};
use jiff::Timestamp;
use schemas::{
    ContratEmis, ContratModifie, ContratResilie, DevisGenere, Event, IndemnisationEffectuee, SchemaId,
    SinistreDeclare, SinistreEvalue, TopicName, TypeBien, topics, wire,
};

/// By then, whatever follows a quote has followed: its seven steps come at most three seconds after each other.
const SETTLED: Duration = Duration::from_secs(30);

/// A quote and what followed, in the words of its events; without ids and times, which no run has in common with another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) devis: String,
    pub(crate) then: Vec<String>,
    /// What happened to the contract's claim.
    pub(crate) claim: Vec<String>,
}

/// The events of a run.
pub(crate) struct Lives<'a> {
    stand: &'a Stand,
    quotes: Reader,
    contracts: Reader,
    claims: Reader,
    schemas: HashMap<SchemaId, Schema>,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl<'a> Lives<'a> {
    pub(crate) fn of(stand: &'a Stand, run: &Run) -> Outcome<Self> {
        let reader = |topics: &[TopicName], source: &str| Reader::new(&run.kafka.bootstrap(), topics, source);
        Ok(Self {
            stand,
            quotes: reader(QUOTATION, &run.quotation.source())?,
            contracts: reader(SOUSCRIPTION, &run.souscription.source())?,
            claims: reader(RECLAMATION, &run.reclamation.source())?,
            schemas: HashMap::new(),
        })
    }

    /// When each quote was made that is on the topic, in their order.
    pub(crate) fn quotes(&mut self) -> Outcome<Vec<Timestamp>> {
        Ok(quotes(self.quotes.catch_up()?).into_iter().map(|record| record.event.time).collect())
    }

    /// Waits until so many quotes are on the topic.
    pub(crate) async fn reach(&mut self, count: usize) -> Outcome<()> {
        wait::until(format!("{count} quotes"), ARRIVAL, async || {
            let found = self.quotes().map_err(|problem| problem.to_string())?.len();
            if found >= count { Ok(()) } else { Err(format!("{found} quotes")) }
        })
        .await
        .map_err(Into::into)
    }

    /// Waits until a quote is on the topic that was made later than that.
    pub(crate) async fn reach_time(&mut self, time: Timestamp) -> Outcome<()> {
        wait::until(format!("a quote made after {time}"), ARRIVAL, async || {
            let last = self.quotes().map_err(|problem| problem.to_string())?.last().copied();
            match last {
                Some(last) if last > time => Ok(()),
                last => Err(format!("the last was made at {last:?}")),
            }
        })
        .await
        .map_err(Into::into)
    }

    /// The lives of `count` quotes after the first `skipped`, once they are settled. The simulation must run.
    pub(crate) async fn settled(&mut self, skipped: usize, count: usize) -> Outcome<Vec<Life>> {
        self.reach(skipped + count).await?;
        let last = self.quotes()?[skipped + count - 1];
        self.reach_time(last + SETTLED).await?;
        let records: Vec<Record> = quotes(self.quotes.catch_up()?).into_iter().cloned().collect();
        let mut lives = Vec::new();
        let mut of_quote = HashMap::new();
        for record in &records[skipped..skipped + count] {
            let event: DevisGenere = self.decode(record).await?;
            check(&event);
            let devis = format!("{} {} {}", event.client_id, event.type_bien, event.valeur);
            of_quote.insert(event.devis_id, lives.len());
            lives.push(Life { devis, then: Vec::new(), claim: Vec::new() });
        }
        let mut of_contract: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
        let mut contracts = Vec::new();
        for record in self.contracts.catch_up()?.to_vec() {
            let (contrat, version, said) = if record.topic == topics::CONTRAT_EMIS.as_str() {
                let event: ContratEmis = self.decode(&record).await?;
                if let Some(life) = of_quote.get(&event.devis_id) {
                    contracts.push((event.contrat_id.to_string(), *life));
                }
                (event.contrat_id, event.version, "EMIS".to_owned())
            } else if record.topic == topics::CONTRAT_MODIFIE.as_str() {
                let event: ContratModifie = self.decode(&record).await?;
                (event.contrat_id, event.version, format!("{} {}", event.modification, event.nouvelle_valeur))
            } else {
                let event: ContratResilie = self.decode(&record).await?;
                (event.contrat_id, event.version, format!("RESILIE {}", event.motif))
            };
            of_contract.entry(contrat.to_string()).or_default().insert(version.get(), said);
        }
        let mut of_claims = self.claims().await?;
        for (contrat, life) in contracts {
            lives[life].claim = of_claims.remove(&contrat).unwrap_or_default().into_values().collect();
            let said = of_contract.remove(&contrat).unwrap_or_default();
            assert!(lives[life].then.is_empty(), "a quote became two contracts");
            lives[life].then = said.into_values().collect();
        }
        Ok(lives)
    }

    /// What was said of claims, by contract and version: none has more than one.
    async fn claims(&mut self) -> Outcome<BTreeMap<String, BTreeMap<i64, String>>> {
        let mut claims: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
        for record in self.claims.catch_up()?.to_vec() {
            let (contrat, version, said) = if record.topic == topics::SINISTRE_DECLARE.as_str() {
                let event: SinistreDeclare = self.decode(&record).await?;
                let said = format!("{} {} {}", event.type_sinistre, event.montant_estime, event.description);
                (event.contrat_id, event.version, said)
            } else if record.topic == topics::SINISTRE_EVALUE.as_str() {
                let event: SinistreEvalue = self.decode(&record).await?;
                (event.contrat_id, event.version, format!("{} {}", event.decision, event.montant_evalue))
            } else {
                let event: IndemnisationEffectuee = self.decode(&record).await?;
                (event.contrat_id, event.version, format!("INDEMNISE {}", event.montant))
            };
            claims.entry(contrat.to_string()).or_default().insert(version.get(), said);
        }
        Ok(claims)
    }

    /// The record's event; each schema is asked for once.
    async fn decode<E: Event>(&mut self, record: &Record) -> Outcome<E> {
        let (id, body) = wire::parse(&record.value)?;
        if !self.schemas.contains_key(&id) {
            let schema = Schema::parse_str(&self.stand.registry.schema(id.0).await?)?;
            self.schemas.insert(id, schema);
        }
        Ok(schemas::decode(&self.schemas[&id], body)?)
    }
}

/// The quotes among quotation's records, in the order in which they were made; repeats are one.
fn quotes(records: &[Record]) -> Vec<&Record> {
    let made = records.iter().filter(|record| record.topic == topics::DEVIS_GENERE.as_str());
    let by_number: BTreeMap<_, _> = made.map(|record| (record.event.topic_sequence, record)).collect();
    by_number.into_values().collect()
}

/// What is insured must be such as it could be.
fn check(event: &DevisGenere) {
    let bounds = match event.type_bien {
        TypeBien::Auto => 10_000..=80_000,
        TypeBien::Habitation => 80_000..=500_000,
        TypeBien::Autre => panic!("nobody asks for {event:?}"),
    };
    assert!(bounds.contains(&(event.valeur.get() / 100)), "{event:?}");
}
