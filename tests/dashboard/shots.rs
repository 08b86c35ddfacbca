//! Pictures of the page in every language, theme and width, for people to look at.

use std::{sync::Arc, time::Duration};

use chromiumoxide::cdp::browser_protocol::emulation::MediaFeature;
use edalab_tests::{rig::tab::Tab, suite::Outcome};
use reqwest::Method;
use serde_json::json;

use crate::show::Show;

const WIDTHS: [(&str, i64, i64); 3] = [("wide", 1280, 900), ("tablet", 800, 1100), ("phone", 360, 780)];

pub(crate) async fn pictures(show: Arc<Show>) -> Outcome {
    let simulation = json!({"running": true, "eventsPerSecond": 5});
    show.set_spec(&json!({"simulation": simulation, "scenario": "NORMAL"})).await?;
    show.set_status(&json!({"scenario": "NORMAL", "simulation": simulation})).await?;
    for name in ["Martin", "Bernard", "Petit", "Durand"] {
        let devis = show.quote(&format!("C-{name}")).await?;
        let contrat = show.convert(&devis).await?;
        if name == "Bernard" {
            show.claim(&contrat).await?;
        }
        let souscription = show.souscription.lock().await;
        if name == "Petit" {
            let change = json!({"modification": "PRIME", "valeur": 480});
            souscription.send(Method::PUT, &format!("/api/contrats/{contrat}/modifier"), &change).await?;
        }
        if name == "Durand" {
            let end = json!({"motif": "vente du véhicule"});
            souscription.send(Method::POST, &format!("/api/contrats/{contrat}/resilier"), &end).await?;
        }
    }
    for lang in ["en", "fr"] {
        for theme in ["light", "dark"] {
            for (name, width, height) in WIDTHS {
                let tab = Tab::open(&show.browser, &show.dashboard.url(&format!("/?lang={lang}"))).await?;
                tab.0.bring_to_front().await?;
                let scale = if name == "phone" { 2.0 } else { 1.0 };
                tab.size(width, height, scale).await?;
                tab.0.emulate_media_features(vec![feature("prefers-color-scheme", theme)]).await?;
                tab.until("document.querySelector('.verdict.good') !== null").await?;
                let overflow: i64 = tab.js("document.documentElement.scrollWidth").await?;
                assert!(overflow <= width, "{lang} {name}: {overflow} wide on {width}");
                let last = show.quote("C-Moreau").await?;
                show.convert(&last).await?;
                tab.shows("C-Moreau").await?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                if name == "phone" {
                    tab.0.evaluate("document.querySelector('.drawing.tall').scrollIntoView()").await?;
                    tab.picture(&format!("{lang}-{theme}-phone-flow"), false).await?;
                }
                tab.picture(&format!("{lang}-{theme}-{name}"), true).await?;
                tab.close().await?;
            }
        }
    }
    // Many events a second.
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    let sender = Arc::clone(&show);
    let quoting = tokio::spawn(async move { while sender.quote("C-Roux").await.is_ok() {} });
    tab.until("document.querySelector('.wide [data-heat]') !== null").await?;
    tab.picture("en-light-busy", true).await?;
    quoting.abort();
    tab.close().await?;

    // A lab in trouble: a service is away, and something is asked for that is not in force.
    show.set_spec(&json!({"simulation": {"running": true, "eventsPerSecond": 50}, "scenario": "PIC_CHARGE"}))
        .await?;
    let mut souscription = show.souscription.lock().await;
    souscription.stop().await?;
    for _ in 0..40 {
        show.quote("C-Leroy").await?;
    }
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=fr")).await?;
    tab.until("document.querySelector('.wide .system[data-service=souscription]').dataset.state === 'down'")
        .await?;
    tab.until("document.querySelector('.wide .queue .full') !== null").await?;
    tab.picture("fr-light-trouble", true).await?;
    // Who wants no motion gets none: arrows light up.
    tab.0.emulate_media_features(vec![feature("prefers-reduced-motion", "reduce")]).await?;
    tab.until("document.querySelector('.dots circle') === null").await?;
    tab.count_dots().await?;
    show.quote("C-still").await?;
    tab.until("document.querySelector('.wide .arrow.lit') !== null").await?;
    assert_eq!(tab.js::<u32>("window.dots").await?, 0);
    souscription.restart().await?;
    tab.close().await
}

fn feature(name: &str, value: &str) -> MediaFeature {
    MediaFeature { name: name.to_owned(), value: value.to_owned() }
}
