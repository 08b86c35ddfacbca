//! An API server that refuses, breaks off and forgets; a namespace that goes; and a second operator.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        operator::Operator,
        proxy::{Fate, Judge, Open, Proxy, Write},
    },
    suite::Outcome,
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::plane::{LAB, Plane, brought, delete, set, settled};

/// The operator's counter of what went wrong.
const ERRORS: &str = "edalab_operator_errors_total";
/// How long something may take that takes a second or two.
const SOON: Duration = Duration::from_secs(60);

/// Trouble with the first so many writes.
struct Trouble(usize);

impl Judge for Trouble {
    fn before(&self, write: &Write) -> Fate {
        if write.number >= self.0 {
            return Fate::Pass;
        }
        match write.number % 6 {
            0 => Fate::Refuse(StatusCode::TOO_MANY_REQUESTS),
            1 => Fate::LoseAnswer,
            2 => Fate::Refuse(StatusCode::INTERNAL_SERVER_ERROR),
            3 => Fate::Delay(Duration::from_millis(300)),
            4 => Fate::Refuse(StatusCode::CONFLICT),
            _ => Fate::Refuse(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

pub(crate) async fn an_api_server_in_trouble(plane: Arc<Plane>) -> Outcome {
    let proxy = Proxy::start(plane.server.operators_client()?).await?;
    let mut operator = Operator::new("trouble", &proxy.url(), "").await?;
    operator.start().await?;
    let untroubled = plane.namespace("t-untroubled").await?;
    let wanted = brought(&untroubled, &json!({})).await?.anywhere(&untroubled.name);

    let space = plane.namespace("t-troubled").await?;
    proxy.count_anew();
    proxy.obey(Trouble(60));
    let began = Instant::now();
    set(&space, &json!({})).await?;
    let objects = wait::until("the lab to be whole", SOON, async || {
        let found = settled(&space).await.map_err(|problem| problem.to_string())?;
        let differences = wanted.differences(&found.anywhere(&space.name));
        if differences.is_empty() { Ok(found) } else { Err(differences) }
    })
    .await?;
    let errors = operator.scrape().await?.sum(ERRORS);
    println!(
        "{} objects through 60 troubled writes in {:.1} s; {errors} errors counted",
        objects.count(),
        began.elapsed().as_secs_f32()
    );
    assert!(errors > 0.0, "what went wrong is counted");
    operator.stop().await?;
    for space in [&space, &untroubled] {
        delete(space).await?;
    }
    Ok(())
}

pub(crate) async fn watches_that_break(plane: Arc<Plane>) -> Outcome {
    let proxy = Proxy::start(plane.server.operators_client()?).await?;
    let mut operator = Operator::new("watches", &proxy.url(), "").await?;
    operator.start().await?;
    let space = plane.namespace("t-watches").await?;
    for hours in 1..4 {
        let before = brought(&space, &json!({})).await?;
        proxy.cut_watches();
        let edited = json!({"services": {"quotation": {"quoteValidity": format!("{hours}h")}}});
        let began = Instant::now();
        let after = brought(&space, &edited).await?;
        println!("an edit with every watch cut arrived after {:.2} s", began.elapsed().as_secs_f32());
        assert_eq!(before.restarted(LAB, &after), ["quotation"]);
    }
    operator.stop().await?;
    delete(&space).await?;
    Ok(())
}

/// Holds every write back for a while.
struct Slow(Duration);

impl Judge for Slow {
    fn before(&self, _: &Write) -> Fate {
        Fate::Delay(self.0)
    }
}

pub(crate) async fn a_namespace_that_goes(plane: Arc<Plane>) -> Outcome {
    let proxy = Proxy::start(plane.server.operators_client()?).await?;
    let mut operator = Operator::new("namespaces", &proxy.url(), "").await?;
    operator.start().await?;
    let space = plane.namespace("t-goes").await?;
    proxy.count_anew();
    proxy.obey(Slow(Duration::from_millis(200)));
    set(&space, &json!({})).await?;
    // Neither the Lease's nor the status's: the lab's objects are on their way, and more of them than there is time for.
    let of_objects =
        |path: &str| ["services", "configmaps", "statefulsets"].iter().any(|kind| path.contains(kind));
    wait::until("the first object's write", SOON, async || {
        let writes = proxy.writes();
        if writes.iter().any(|write| of_objects(&write.path)) { Ok(()) } else { Err(format!("{writes:?}")) }
    })
    .await?;
    let namespaces: Api<Namespace> = Api::all(space.client.clone());
    namespaces.delete(&space.name, &DeleteParams::default()).await?;
    wait::until("the namespace to go", SOON, async || match namespaces.get_opt(&space.name).await {
        Ok(None) => Ok(()),
        other => {
            Err(format!("{:?}", other.map(|namespace| namespace.and_then(|namespace| namespace.status))))
        }
    })
    .await?;
    let series = format!("{ERRORS}{{reason=\"NamespaceTerminating\"}}");
    let told = operator.scrape().await?.value(&series).unwrap_or_default();
    assert!(told > 0.0, "{series} is counted");

    proxy.obey(Open);
    let next = plane.namespace("t-stays").await?;
    brought(&next, &json!({})).await?;
    operator.stop().await?;
    delete(&next).await?;
    Ok(())
}

pub(crate) async fn of_two_operators_one_writes(plane: Arc<Plane>) -> Outcome {
    let (first_way, second_way) = (
        Proxy::start(plane.server.operators_client()?).await?,
        Proxy::start(plane.server.operators_client()?).await?,
    );
    let mut first = Operator::new("first", &first_way.url(), "").await?;
    let mut second = Operator::new("second", &second_way.url(), "").await?;
    first.start().await?;
    second.launch()?;
    let space = plane.namespace("t-two").await?;
    brought(&space, &json!({})).await?;
    assert_eq!(second_way.writes(), [], "the second waits");

    first.kill9().await?;
    let killed = Instant::now();
    second.leads().await?;
    println!("a killed leader's Lease was taken over after {:.1} s", killed.elapsed().as_secs_f32());
    first_way.count_anew();
    first.launch()?;
    let edited = json!({"services": {"quotation": {"quoteValidity": "1h"}}});
    brought(&space, &edited).await?;
    assert_eq!(first_way.writes(), [], "the first waits now");

    second.stop().await?;
    let stopped = Instant::now();
    first.leads().await?;
    println!("a stopped leader's Lease was taken over after {:.1} s", stopped.elapsed().as_secs_f32());
    brought(&space, &json!({})).await?;
    first.stop().await?;
    delete(&space).await?;
    Ok(())
}
