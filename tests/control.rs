//! The control channel between a real API server and a real Kafka: the operator's loop for it in the middle, and at the
//! other end what every service follows it by.

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::Router;
use crds::{Condition, ConditionStatus, EdaLab, EdaLabStatus, Phase, Scenario};
use edalab_operator::{control, events, metrics::Metrics, status};
use edalab_tests::{
    edalabs,
    rig::{apiserver::ApiServer, kafka::Kafka, parts::Parts, service::SERVICES},
    suite::{Outcome, Rig, Suite},
    trial,
    wait::{self, TimedOut},
};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use platform::{
    config::{Identity, KafkaConfig, StatelessConfig},
    service::StatelessService,
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
};
use schemas::topics;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How long something may take that takes milliseconds, on a machine that has other tests to run as well.
const SOON: Duration = Duration::from_secs(60);
const SWITCHES: u32 = 20;
const LAB: &str = "lab";

/// Where the Kafka of the trial's lab is.
static BOOTSTRAP: OnceLock<String> = OnceLock::new();

fn main() -> ExitCode {
    Suite::new("control", 1)
        .trial("what_is_set_reaches_every_service_and_the_status", trial!(what_is_set_reaches_every_service))
        .main(Ends::start)
}

/// The two ends of the channel.
struct Ends {
    server: ApiServer,
    kafka: Mutex<Kafka>,
}

impl Rig for Ends {}

impl Ends {
    async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let parts = Parts::find(&["kafka", "java", "kubenode"]).await?;
        let server = ApiServer::start(&parts).await?;
        server.install(&crds::crd()).await?;
        let kafka = Kafka::start(&parts).await?;
        BOOTSTRAP.get_or_init(|| kafka.bootstrap());
        Ok(Self { server, kafka: Mutex::new(kafka) })
    }
}

async fn what_is_set_reaches_every_service(ends: Arc<Ends>) -> Outcome {
    let lab = Lab { labs: edalabs::of(ends.server.client()?, "default") };
    lab.apply(&json!({})).await?;
    let metrics = Metrics::new()?;
    let operator = Operator::start(ends.server.client()?, &metrics);
    lab.told(ConditionStatus::Unknown, "WaitingForServices").await?;
    let mut services = Vec::new();
    for (name, _) in SERVICES {
        services.push(Service::start(name).await?);
    }
    lab.told(ConditionStatus::True, "Applied").await?;
    assert_eq!(lab.status().await?.scenario, Some(Scenario::Normal));

    switches(&lab, &services).await?;
    one_that_does_not_answer(&lab, &mut services).await?;
    let operator = a_restart_says_nothing(&ends, &lab, &services, operator, &metrics).await?;
    the_rest_of_the_status_stays(&ends, &lab).await?;
    without_kafka(&ends, &lab).await?;
    a_topic_that_was_made_anew(&lab, &mut services).await?;

    lab.apply(&json!({"phase": "Infrastructure", "simulation": {"running": true}})).await?;
    lab.told(ConditionStatus::True, "NoServices").await?;
    assert_eq!(lab.status().await?.simulation.map(|simulation| simulation.running), Some(true));
    lab.labs.delete(LAB, &DeleteParams::default()).await?;
    wait::until("the lab's channel to be closed", SOON, async || {
        let text = metrics.text().map_err(|problem| problem.to_string())?;
        let line = text.lines().find(|line| line.starts_with("edalab_operator_control_channels "));
        if line == Some("edalab_operator_control_channels 0") { Ok(()) } else { Err(format!("{line:?}")) }
    })
    .await?;
    operator.stop().await;
    for service in services {
        service.stop().await;
    }
    Ok(())
}

/// From the patch to the last service that shows it, again and again.
async fn switches(lab: &Lab, services: &[Service]) -> Outcome {
    let mut took = Vec::new();
    for switch in 1..=SWITCHES {
        let spec = json!({
            "scenario": if switch % 2 == 0 { "NORMAL" } else { "PIC_CHARGE" },
            "simulation": {"running": true, "eventsPerSecond": switch},
        });
        let began = Instant::now();
        lab.apply(&spec).await?;
        for service in services {
            while service.control().await?["simulation"]["eventsPerSecond"] != switch {
                assert!(began.elapsed() < SOON, "{} does not follow", service.name);
            }
        }
        took.push(began.elapsed());
        lab.told(ConditionStatus::True, "Applied").await?;
    }
    took.sort();
    println!(
        "patch to the last of {} services, {SWITCHES} times: median {:.1} ms, at most {:.1} ms",
        services.len(),
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() - 1].as_secs_f64() * 1e3
    );
    Ok(())
}

async fn one_that_does_not_answer(lab: &Lab, services: &mut Vec<Service>) -> Outcome {
    services.remove(1).stop().await;
    lab.apply(&json!({"scenario": "PIC_CHARGE", "scenarioParameters": {"run": 7}})).await?;
    let late = lab.told(ConditionStatus::False, "NotAnswered").await?;
    assert!(late.message.starts_with("no answer from souscription to: PIC_CHARGE"), "{}", late.message);
    assert_eq!(lab.status().await?.scenario, Some(Scenario::Normal), "not in force yet");
    services.insert(1, Service::start("souscription").await?);
    lab.told(ConditionStatus::True, "Applied").await?;
    assert_eq!(lab.status().await?.scenario, Some(Scenario::PicCharge));
    Ok(())
}

/// Neither a restart of the operator nor an edit of something else begins the peak anew, and a higher counter does.
async fn a_restart_says_nothing(
    ends: &Ends,
    lab: &Lab,
    services: &[Service],
    operator: Operator,
    metrics: &Metrics,
) -> Result<Operator, Box<dyn std::error::Error>> {
    let before = services[0].control().await?;
    let version = lab.labs.get(LAB).await?.metadata.resource_version;
    operator.stop().await;
    let operator = Operator::start(ends.server.client()?, metrics);
    let edit = json!({"scenario": "PIC_CHARGE", "scenarioParameters": {"run": 7}, "paused": true});
    lab.apply(&edit).await?;
    // The condition is about this edit, so the operator has come to it.
    lab.told(ConditionStatus::True, "Applied").await?;
    assert_ne!(lab.labs.get(LAB).await?.metadata.resource_version, version);
    assert_eq!(services[0].control().await?, before);
    let again = json!({"scenario": "PIC_CHARGE", "scenarioParameters": {"run": 8}});
    lab.apply(&again).await?;
    lab.told(ConditionStatus::True, "Applied").await?;
    let after = services[0].control().await?;
    assert_eq!(after["peak"]["run"], 8);
    assert_ne!(after["peak"]["start"], before["peak"]["start"]);
    Ok(operator)
}

/// The reconciliation and the control channel write one status, and neither takes the other's part away.
async fn the_rest_of_the_status_stays(ends: &Ends, lab: &Lab) -> Outcome {
    let whole = Api::<EdaLab>::namespaced(ends.server.client()?, "default").get(LAB).await?;
    let ready = Condition {
        type_: status::READY.to_owned(),
        status: ConditionStatus::True,
        observed_generation: whole.metadata.generation,
        last_transition_time: "2026-01-01T00:00:00Z".to_owned(),
        reason: "Ready".to_owned(),
        message: "well".to_owned(),
    };
    let rest = EdaLabStatus {
        phase: Some(Phase::ProducteurConsommateur),
        conditions: vec![ready.clone()],
        ..EdaLabStatus::default()
    };
    status::publish(&ends.server.client()?, &whole, &rest, &Metrics::new()?).await?;
    let both = lab.status().await?;
    assert_eq!(both.scenario, Some(Scenario::PicCharge));
    assert!(both.condition(control::APPLIED).is_some() && both.condition(status::READY).is_some());
    lab.apply(&json!({})).await?;
    lab.told(ConditionStatus::True, "Applied").await?;
    let both = lab.status().await?;
    assert_eq!(both.scenario, Some(Scenario::Normal));
    assert_eq!((both.phase, both.condition(status::READY)), (rest.phase, Some(&ready)));
    Ok(())
}

async fn without_kafka(ends: &Ends, lab: &Lab) -> Outcome {
    let mut kafka = ends.kafka.lock().await;
    kafka.kill9().await?;
    lab.apply(&json!({"simulation": {"running": true}})).await?;
    let cut_off = wait::until("what stands in the way to be told", SOON, async || {
        let status = lab.status().await.map_err(|problem| problem.to_string())?;
        let found = status.condition(control::APPLIED).cloned();
        match found {
            Some(found) if found.status == ConditionStatus::False => Ok(found),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    println!("without Kafka: {}: {}", cut_off.reason, cut_off.message);
    kafka.restart().await?;
    lab.told(ConditionStatus::True, "Applied").await?;
    Ok(())
}

/// What was said is said again, as it was, and those who were there all the time go on following.
async fn a_topic_that_was_made_anew(lab: &Lab, services: &mut Vec<Service>) -> Outcome {
    lab.apply(&json!({"scenario": "PIC_CHARGE"})).await?;
    lab.told(ConditionStatus::True, "Applied").await?;
    let before = services[0].control().await?;
    services.remove(0).stop().await;
    let topic = schemas::topic(topics::CONTROL.as_str()).expect("a topic of the catalogue");
    let servers = BOOTSTRAP.get().cloned().unwrap_or_default();
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", servers).create()?;
    let options = AdminOptions::new().operation_timeout(Some(SOON));
    admin.delete_topics(&[topic.name.as_str()], &options).await?;
    wait::until("the topic to be made anew", SOON, async || {
        let new = NewTopic::new(topic.name.as_str(), topic.partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics(&[new], &options).await.map_err(|problem| problem.to_string())?;
        made.into_iter().try_for_each(|made| made.map(drop).map_err(|(_, code)| code.to_string()))
    })
    .await?;
    let late = Service::start("quotation").await?;
    wait::until("the record to be there again", SOON, async || {
        let control = late.control().await.map_err(|problem| problem.to_string())?;
        if control == before { Ok(()) } else { Err(control.to_string()) }
    })
    .await?;
    services.insert(0, late);
    lab.apply(&json!({})).await?;
    lab.told(ConditionStatus::True, "Applied").await?;
    Ok(())
}

/// The trial's lab.
struct Lab {
    labs: Api<DynamicObject>,
}

impl Lab {
    async fn apply(&self, spec: &Value) -> Result<(), kube::Error> {
        let object = Patch::Apply(edalabs::manifest(LAB, spec));
        self.labs.patch(LAB, &PatchParams::apply("tests").force(), &object).await.map(drop)
    }

    async fn status(&self) -> Result<EdaLabStatus, Box<dyn std::error::Error>> {
        let lab = self.labs.get(LAB).await?;
        Ok(serde_json::from_value(lab.data.get("status").cloned().unwrap_or_else(|| json!({})))?)
    }

    /// Waits until ScenarioApplied says this, about the spec that the lab has now.
    async fn told(&self, status: ConditionStatus, reason: &str) -> Result<Condition, TimedOut> {
        wait::until(format!("ScenarioApplied to be {status:?} ({reason})"), SOON, async || {
            let lab = self.labs.get(LAB).await.map_err(|problem| problem.to_string())?;
            let seen = self.status().await.map_err(|problem| problem.to_string())?;
            match seen.condition(control::APPLIED) {
                Some(found)
                    if (found.status, found.reason.as_str()) == (status, reason)
                        && found.observed_generation == lab.metadata.generation =>
                {
                    Ok(found.clone())
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }
}

/// The operator's part that serves the channel.
struct Operator {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Operator {
    fn start(client: Client, metrics: &Metrics) -> Self {
        let stop = CancellationToken::new();
        let context = control::Context {
            recorder: events::recorder(client.clone(), "tests"),
            metrics: metrics.clone(),
            bootstrap: |_, _| BOOTSTRAP.get().expect("a Kafka that was started").clone(),
            client: client.clone(),
        };
        Self { task: tokio::spawn(control::run(context, Api::all(client), stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the loop ends well");
    }
}

/// What every service is, beside what it does.
struct Service {
    name: &'static str,
    url: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Service {
    async fn start(name: &'static str) -> Result<Self, Box<dyn std::error::Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let config = StatelessConfig {
            http_addr: address,
            kafka: KafkaConfig {
                kafka_bootstrap_servers: BOOTSTRAP.get().cloned().unwrap_or_default(),
                schema_registry_url: String::new(),
            },
            identity: Identity {
                lab: LAB.to_owned(),
                pod_name: format!("{LAB}-{name}-0"),
                otlp_endpoint: None,
            },
        };
        let stop = CancellationToken::new();
        let service = StatelessService::new(name, &config);
        let running = service.run(listener, Router::new(), Vec::new(), stop.clone());
        let task = tokio::spawn(async move { running.await.expect("a service that ends well") });
        Ok(Self { name, url: format!("http://{address}/internal/control"), stop, task })
    }

    /// What is in force there; null before anything is.
    async fn control(&self) -> Result<Value, Box<dyn std::error::Error>> {
        let answer = reqwest::get(&self.url).await?;
        if answer.status() == reqwest::StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        Ok(answer.json().await?)
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("a service that ends well");
    }
}
