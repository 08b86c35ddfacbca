//! The lab, steered from its page in a browser and from beside it.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    edalabs,
    rig::{browser::Browser, lab::Lab, tab::Tab},
    suite::Outcome,
    wait,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

/// Where `make up` puts the lab.
const NAMESPACE: &str = "edalab";
/// How long after pressing Start the first event may move.
const FIRST_DOT: Duration = Duration::from_secs(10);
/// How long a service that is to be down may stay.
const GONE: Duration = Duration::from_secs(30);

/// That what is in force is shown as these words, and nothing as asked for beside it.
fn in_force(words: &[&str]) -> String {
    let shown = "document.getElementById('force')";
    let holds = |word: &&str| format!("{shown}.textContent.includes({word:?})");
    let all = words.iter().map(holds).collect::<Vec<_>>().join(" && ");
    format!("{all} && !{shown}.querySelector('.pending')")
}

/// Presses a button of the page, and waits until it stays pressed: what it asks for is in force.
async fn press(tab: &Tab, button: &str) -> Result<(), Box<dyn Error>> {
    tab.click(&format!("#{button}")).await?;
    tab.until(&format!("document.getElementById({button:?}).getAttribute('aria-pressed') === 'true'")).await
}

async fn spec(labs: &Api<DynamicObject>) -> Result<Value, Box<dyn Error>> {
    Ok(labs.get("lab").await?.data["spec"].clone())
}

/// Brings each guided situation about and ends it: the page ticks what the lab shows.
async fn lessons(tab: &Tab) -> Result<(), Box<dyn Error>> {
    tab.0.bring_to_front().await?;
    tab.click("#lessons-title").await?;
    for lesson in ["lesson-speed", "lesson-late", "lesson-outage"] {
        let began = Instant::now();
        let done = format!("document.querySelectorAll('[aria-labelledby={lesson}] li.done').length");
        tab.click(&format!("#{lesson}-begin")).await?;
        tab.until(&format!("{done} === 2")).await?;
        let seen = began.elapsed();
        if lesson == "lesson-outage" {
            tab.picture("lab-lesson", true).await?;
            tab.size(1280, 900, 1.0).await?;
        }
        tab.click(&format!("#{lesson}-end")).await?;
        tab.until(&format!("{done} === 3")).await?;
        println!("{lesson}: seen after {seen:.1?}, over after {:.1?}", began.elapsed());
    }
    Ok(())
}

pub(crate) async fn steers(lab: Arc<Lab>) -> Outcome {
    lab.ready().await?;
    let client = Client::try_from(lab.config().await?)?;
    let labs = edalabs::of(client.clone(), NAMESPACE);
    let browser = Browser::start().await?;
    let url = Lab::url(8080, "/?lang=en");
    let tab = Tab::open(&browser, &url).await?;
    tab.0.bring_to_front().await?;
    tab.until(&in_force(&["Stopped", "5 events/s", "Normal"])).await?;
    tab.count_dots().await?;

    let began = Instant::now();
    press(&tab, "start").await?;
    let started = began.elapsed();
    tab.until("window.dots > 0").await?;
    let moved = began.elapsed();
    println!(
        "after Start was pressed: in force after {started:.1?}, the first event moves after {moved:.1?}"
    );
    assert!(moved < FIRST_DOT, "the first event moved after {moved:?}");
    assert_eq!(spec(&labs).await?["simulation"]["running"], true);
    tab.shows("ContratEmis").await?;

    press(&tab, "fast").await?;
    tab.until(&in_force(&["Running", "50 events/s", "Normal"])).await?;
    tab.until("document.querySelector('.wide [data-heat]') !== null").await?;
    tab.picture("lab", true).await?;
    tab.size(1280, 900, 1.0).await?;
    tab.set("rate", "20").await?;
    tab.click(".pair button").await?;
    tab.until(&in_force(&["20 events/s"])).await?;
    press(&tab, "peak").await?;
    tab.until(&in_force(&["20 events/s", "Peak load"])).await?;
    let asked = spec(&labs).await?;
    assert_eq!(
        (&asked["scenario"], &asked["simulation"]["eventsPerSecond"]),
        (&json!("PIC_CHARGE"), &json!(20))
    );

    // Somebody edits the lab beside the page: two pages show it. (How soon, suite `dashboard` judges, which has the machine
    // for itself.)
    let other = Tab::open(&browser, &Lab::url(8080, "/?lang=fr")).await?;
    other.0.bring_to_front().await?;
    let edit = json!({"spec": {"scenario": "NORMAL", "simulation": {"eventsPerSecond": 7}}});
    labs.patch("lab", &PatchParams::default(), &Patch::Merge(edit)).await?;
    let began = Instant::now();
    other.until(&in_force(&["En marche", "7 événements/s", "Normal"])).await?;
    let seen = began.elapsed();
    println!("an edit beside the page: in force and seen after {seen:.1?}");
    tab.until(&in_force(&["Running", "7 events/s", "Normal"])).await?;

    // The other situations, by click: two are in the services' hands, one in the cluster's.
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    tab.0.bring_to_front().await?;
    for (button, words) in [("errors", "Errors"), ("late", "Slow consumer"), ("outage", "Service down")] {
        press(&tab, button).await?;
        tab.until(&in_force(&["Running", "7 events/s", words])).await?;
    }
    let began = Instant::now();
    wait::until("the target to be gone", GONE, async || match pods.get_opt("lab-reclamation-0").await {
        Ok(None) => Ok(()),
        other => Err(format!("{:?}", other.map(|pod| pod.is_some()))),
    })
    .await?;
    println!("Service down: the target is gone {:.1?} after that is in force", began.elapsed());
    press(&tab, "normal").await?;
    lab.ready().await?;

    lessons(&tab).await?;
    lab.ready().await?;

    // What a service writes, as it writes it.
    let log = Tab::look(&browser, &Lab::url(8080, "/logs/quotation?lang=en")).await?;
    log.0.bring_to_front().await?;
    let told = "document.getElementById('log').textContent.split('in force').length";
    log.until(&format!("(window.told = {told}) > 1")).await?;
    other.0.bring_to_front().await?;
    press(&other, "fast").await?;
    log.0.bring_to_front().await?;
    log.until(&format!("{told} > window.told")).await?;
    log.close().await?;

    other.0.bring_to_front().await?;
    press(&other, "stop").await?;
    tab.until(&in_force(&["Stopped"])).await?;
    assert_eq!(spec(&labs).await?["simulation"]["running"], false);
    other.close().await?;
    tab.close().await
}
