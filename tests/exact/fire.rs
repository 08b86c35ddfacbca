//! The lab's services and its broker, and how they are killed.

use edalab_tests::{
    rig::{
        kafka::Kafka,
        service::{Service, Settings},
    },
    wait,
};

use crate::SETTLE;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

pub(crate) struct Lab {
    pub(crate) quotation: Service,
    pub(crate) souscription: Service,
    pub(crate) reclamation: Service,
    pub(crate) kafka: Kafka,
}

impl Lab {
    pub(crate) async fn start(settings: Settings, kafka: Kafka) -> Fallible<Self> {
        let quotation = Service::start(settings.clone()).await?;
        let souscription = redelivering(Settings { service: "souscription", ..settings.clone() }).await?;
        let reclamation = redelivering(Settings { service: "reclamation", ..settings }).await?;
        Ok(Self { quotation, souscription, reclamation, kafka })
    }

    pub(crate) fn services(&self) -> [&Service; 3] {
        [&self.quotation, &self.souscription, &self.reclamation]
    }

    /// Where their APIs are.
    pub(crate) fn addresses(&self) -> [String; 3] {
        self.services().map(|service| service.url(""))
    }

    /// Kills one of them, at a random moment or at a point where it hurts most, and starts it again.
    pub(crate) async fn kill(&mut self, round: u32) -> Fallible<&'static str> {
        Ok(match round % 9 {
            0 => {
                // Confirmed, and not marked: it is published a second time.
                crash(&mut self.quotation, "relay.confirmed", 3).await?;
                "quotation between confirmation and mark"
            }
            1 | 3 => {
                again(&mut self.souscription).await?;
                "souscription"
            }
            2 => {
                again(&mut self.quotation).await?;
                "quotation"
            }
            4 => {
                // Applied, and Kafka is not told.
                crash(&mut self.souscription, "consumer.applied", 5).await?;
                "souscription between effect and offset"
            }
            5 => {
                self.kafka.kill9().await?;
                self.kafka.restart().await?;
                "the broker"
            }
            6 => {
                again(&mut self.reclamation).await?;
                "reclamation"
            }
            7 => {
                crash(&mut self.reclamation, "consumer.applied", 5).await?;
                "reclamation between effect and offset"
            }
            _ => {
                crash(&mut self.reclamation, "relay.confirmed", 2).await?;
                "reclamation between confirmation and mark"
            }
        })
    }
}

/// A service to which a fifth of the batches comes again.
async fn redelivering(settings: Settings) -> Fallible<Service> {
    let mut service = Service::new(settings)?;
    service.set_env("EDALAB_REDELIVER_PERCENT", "20");
    service.restart().await?;
    Ok(service)
}

async fn again(service: &mut Service) -> Fallible<()> {
    service.kill9().await?;
    Ok(service.restart().await?)
}

async fn crash(service: &mut Service, point: &str, count: u32) -> Fallible<()> {
    service.kill9().await?;
    service.restart_to_crash(point, count)?;
    wait::until(format!("a crash at {point}"), SETTLE, async || match service.ended() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it runs".to_owned()),
        Err(problem) => Err(problem.to_string()),
    })
    .await?;
    Ok(service.restart().await?)
}
