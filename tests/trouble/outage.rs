//! Broker and registry that are away for long, under load.
//!
//! `make test` has them away for some seconds; `make test-outage` for two minutes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    judge::judge,
    link::Link,
    reader::Reader,
    rig::{
        kafka::Kafka,
        ledger::read_ledger,
        ports, program,
        service::{Service, Settings},
        stand::{QUOTATION, Stand},
    },
    suite::{self, Outcome},
    wait,
};

/// Quotes a second: some ten thousand in two minutes, of the hundred thousand that an outbox holds.
const QUOTES: u32 = 100;
/// How long all of it may take to be on its topic and applied when what was away is back.
const RETURN: Duration = Duration::from_secs(120);

/// A lab's services with a broker of their own, and a registry behind a link.
struct Lab {
    kafka: Kafka,
    registry: Link,
    quotation: Service,
    souscription: Service,
    quoted: usize,
}

pub(crate) async fn broker(stand: Arc<Stand>) -> Outcome {
    let mut lab = Lab::new(&stand, "broker-long").await?;
    lab.registry.open().await?;
    lab.start().await?;
    lab.load(Duration::from_secs(2)).await?;
    lab.kafka.stop().await?;
    lab.load(away()).await?;
    lab.kafka.restart().await?;
    lab.all_arrives("the broker").await
}

/// What was learned of it is forgotten by a restart while it is away.
pub(crate) async fn registry(stand: Arc<Stand>) -> Outcome {
    let mut lab = Lab::new(&stand, "registry-long").await?;
    lab.registry.open().await?;
    lab.start().await?;
    lab.load(Duration::from_secs(2)).await?;
    lab.registry.shut().await;
    lab.quotation.stop().await?;
    lab.souscription.stop().await?;
    lab.start().await?;
    lab.load(away()).await?;
    lab.registry.open().await?;
    lab.all_arrives("the registry").await
}

pub(crate) async fn both_at_the_start(stand: Arc<Stand>) -> Outcome {
    let mut lab = Lab::new(&stand, "both-long").await?;
    lab.kafka.stop().await?;
    lab.start().await?;
    lab.load(away()).await?;
    lab.registry.open().await?;
    lab.kafka.restart().await?;
    lab.all_arrives("both").await
}

fn away() -> Duration {
    Duration::from_secs(suite::setting("OUTAGE_SECONDS", 8))
}

impl Lab {
    /// The registry is not reached yet, and the services do not run.
    async fn new(stand: &Stand, name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let kafka = Kafka::start(&stand.parts).await?;
        let port = ports::free()?;
        let settings = Settings {
            bootstrap: kafka.bootstrap(),
            registry: format!("http://127.0.0.1:{port}/apis/ccompat/v7"),
            ..stand.settings(program::services().await?, name)
        };
        Ok(Self {
            kafka,
            registry: Link::new(port, stand.registry.port()),
            quotation: Service::new(settings.clone())?,
            souscription: Service::new(Settings { service: "souscription", ..settings })?,
            quoted: 0,
        })
    }

    async fn start(&mut self) -> Outcome {
        self.quotation.restart().await?;
        self.souscription.restart().await?;
        Ok(())
    }

    /// Asks for quotes at a steady rate; each must be answered with 201.
    async fn load(&mut self, lasting: Duration) -> Outcome {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / QUOTES);
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            ticks.tick().await;
            self.quotation.quote("C001", "AUTO", 25_000.0).await?;
            self.quoted += 1;
        }
        Ok(())
    }

    /// Every quote is on its topic, in order, and had its effect once.
    async fn all_arrives(self, what: &str) -> Outcome {
        let back = Instant::now();
        let quoted = self.quoted as u64;
        wait::until("every quote's effect", RETURN, async || {
            let services = [&self.quotation, &self.souscription];
            let ledger = read_ledger(&services).await.map_err(|problem| problem.to_string())?;
            let consumers = ledger.lines.iter().flat_map(|line| &line.consumers);
            let applied: u64 = consumers.map(|consumer| consumer.applied).sum();
            if applied == quoted && ledger.closes() {
                Ok(())
            } else {
                Err(format!("{applied} of {quoted} applied; {:?}", ledger.problems))
            }
        })
        .await?;
        let took = back.elapsed();
        let mut reader = Reader::new(&self.kafka.bootstrap(), QUOTATION, &self.quotation.source())?;
        let verdict = judge(reader.catch_up()?).map_err(|broken| broken.join("\n"))?;
        assert_eq!(verdict.distinct as u64, quoted);
        println!(
            "{what} was away for {:?}: {quoted} quotes were made, all were applied {took:.1?} after the return, {} records \
             came twice",
            away(),
            verdict.repeats
        );
        Ok(())
    }
}
