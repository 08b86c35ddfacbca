//! The pages beside the lab's: topics, messages, groups, schemas, parts, logs.

use std::sync::Arc;

use chromiumoxide::cdp::browser_protocol::emulation::MediaFeature;
use edalab_tests::{
    reader::Raw,
    rig::{axe::Axe, service::Service, tab::Tab},
    suite::Outcome,
    wait,
};
use rdkafka::ClientConfig;
use schemas::{header, topics};
use serde_json::json;

use crate::show::{ARRIVAL, Show, send, with_header};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// A page as the server renders it.
async fn page(show: &Show, path: &str) -> Fallible<String> {
    let answer = show.http.get(show.dashboard.url(path)).header("accept-language", "en").send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

/// The page of the event with that subject, as the timeline leads to it.
async fn path_of(show: &Show, kind: &str, subject: &str) -> Fallible<String> {
    let found = wait::until(format!("{kind} of {subject}"), ARRIVAL, async || {
        let recent = show.dashboard.get("/api/events/recent").await.map_err(|problem| problem.to_string())?;
        let all = recent["events"].as_array().cloned().unwrap_or_default();
        let event = all.into_iter().find(|event| event["type"] == kind && event["subject"] == subject);
        event.ok_or_else(|| "it is not among the last events".to_owned())
    })
    .await?;
    let topic = found["topic"].as_str().ok_or("no topic")?;
    Ok(format!("/topics/{topic}/{}/{}", found["partition"], found["offset"]))
}

pub(crate) async fn a_message(show: Arc<Show>) -> Outcome {
    let devis = show.quote("C-story").await?;
    let contrat = show.convert(&devis).await?;
    let claim = show.claim(&contrat).await?;
    show.quote("C-other").await?;
    path_of(&show, "IndemnisationEffectuee", &contrat).await?;
    let path = path_of(&show, "ContratEmis", &contrat).await?;
    let html = page(&show, &path).await?;
    for part in [
        "&#34;clientId&#34;: &#34;C-story&#34;", // the payload
        "ce_topicsequence",
        "/edalab/lab/souscription",
        "0000  00 ", // the magic byte
        "DevisGenere",
        "SinistreDeclare",
        "SinistreEvalue",
        "IndemnisationEffectuee",
        claim.as_str(),
    ] {
        assert!(html.contains(part), "{path}: {part}\n{html}");
    }
    assert!(!html.contains("C-other"), "another's quote is no part of the story");

    // The same, from the quote's own page, by keyboard: the timeline leads there.
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    tab.shows(&devis).await?;
    let link = path_of(&show, "DevisGenere", &devis).await?;
    tab.0.find_element(format!("#events a[href={link:?}]")).await?.focus().await?.press_key("Enter").await?;
    tab.until("location.pathname.startsWith('/topics/') && document.readyState === 'complete'").await?;
    tab.until("document.querySelectorAll('.story li').length === 5").await?;
    tab.until("document.querySelector('.story li[aria-current]').textContent.includes('this one')").await?;
    tab.picture("message", true).await?;
    tab.close().await?;

    // By offset, by time, and what is no such thing.
    let (folder, offset) = path.rsplit_once('/').ok_or("no offset")?;
    let (topic, partition) = folder.rsplit_once('/').ok_or("no partition")?;
    for (query, shown) in [
        (format!("partition={partition}&offset={offset}"), path.as_str()),
        ("partition=&offset=&time=".to_owned(), path.as_str()),
        ("time=2020-01-01T00:00".to_owned(), path.as_str()),
        ("time=2100-01-01T00:00".to_owned(), "There is no message here."),
        ("offset=x".to_owned(), "offset cannot be read"),
        ("time=soon".to_owned(), "time cannot be read"),
    ] {
        let html = page(&show, &format!("{topic}?{query}")).await?;
        assert!(html.contains(shown), "{query}: {html}");
    }
    for (path, shown) in [
        ("/topics/nothing", "There is no topic nothing."),
        ("/topics/nothing/0/0", "There is no topic nothing."),
        ("/topics/dlq.errors/7/0", "There is no message at offset 0"),
        ("/topics/dlq.errors/0/123456789", "There is no message at offset 123456789"),
    ] {
        assert!(page(&show, path).await?.contains(shown), "{path}");
    }
    Ok(())
}

pub(crate) async fn the_rest(show: Arc<Show>) -> Outcome {
    show.quote("C-rest").await?;
    let html = page(&show, "/topics").await?;
    for topic in schemas::CATALOGUE {
        assert!(html.contains(&format!("href=\"/topics/{}\"", topic.name)), "{}: {html}", topic.name);
    }
    let groups = ["quotation-service", "reclamation-service", "souscription-service"];
    wait::until("the groups of the lab, before others", ARRIVAL, async || {
        let html = page(&show, "/groups").await.map_err(|problem| problem.to_string())?;
        let mut places = (1..).zip(groups);
        let all = places.all(|(place, group)| html.contains(&format!("id=\"group-{place}\">{group}<")));
        if all && html.contains("Stable") { Ok(()) } else { Err(html) }
    })
    .await?;
    wait::until("souscription to have read all", ARRIVAL, async || {
        let metrics = show.dashboard.scrape().await.map_err(|problem| problem.to_string())?;
        let of = |metric| metrics.sum_where(metric, "consumergroup", "souscription-service");
        let (read, waiting) =
            (of("kafka_consumergroup_current_offset_sum"), of("kafka_consumergroup_lag_sum"));
        if read > 0.5 && waiting < 0.5 { Ok(()) } else { Err(format!("{read} read, {waiting} wait")) }
    })
    .await?;
    let metrics = show.dashboard.look_up("/metrics").await?.text().await?;
    for name in [
        "kafka_brokers 1",
        "kafka_consumergroup_lag{consumergroup=\"souscription-service\"",
        "kafka_consumergroup_current_offset{consumergroup=\"souscription-service\"",
        "kafka_topic_partition_current_offset{",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }

    let html = page(&show, "/schemas").await?;
    assert!(html.contains("/schemas/quotation.devis-genere-value"), "{html}");
    let html = page(&show, "/schemas/quotation.devis-genere-value").await?;
    assert!(html.contains("Version 1") && html.contains("dateExpiration"), "{html}");
    assert!(page(&show, "/schemas/nothing").await?.contains("answered 404"));

    show.set_status(&json!({
        "components": [
            {"name": "kafka", "ready": true, "reason": "Running", "message": "1 of 1", "image": "kafka:4.1"},
            {"name": "quotation", "ready": false, "reason": "Pending", "message": "<b>waits</b>", "image": "s:1"},
        ],
        "endpoints": [{"name": "quotation", "url": "http://q:8081", "hostUrl": "http://localhost:8081", "portForward": "kubectl"}],
    }))
    .await?;
    let tab = Tab::look(&show.browser, &show.dashboard.url("/components?lang=en")).await?;
    tab.until("document.getElementById('sight').textContent.includes('<b>waits</b>')").await?;
    tab.until("document.getElementById('sight').textContent.includes('http://localhost:8081')").await?;
    // What changes is shown without a reload.
    let ready = json!([{"name": "quotation", "ready": true, "reason": "Running", "message": "1 of 1", "image": "s:1"}]);
    show.set_status(&json!({ "components": ready })).await?;
    tab.until("!document.getElementById('sight').textContent.includes('waits')").await?;
    tab.close().await?;

    // No kubelet runs here: a log cannot be had, and the page says why.
    let html = page(&show, "/logs/quotation").await?;
    assert!(html.contains("The log cannot be had: no pod of quotation runs"), "{html}");
    let unknown = show.http.get(show.dashboard.url("/logs/nobody")).send().await?;
    assert_eq!(unknown.status(), 404);
    Ok(())
}

pub(crate) async fn hostile(show: Arc<Show>) -> Outcome {
    const MARKUP: &str =
        "<script>window.problems.push('it ran')</script><img src=x onerror=\"problems.push('it ran')\">";
    let sample = show.sample().await?;
    let long = "n".repeat(10_000);
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
    let record = |key: &[u8], value: &[u8], headers: Vec<_>| Raw {
        key: Some(key.to_vec()),
        value: Some(value.to_vec()),
        headers,
    };
    let cases = [
        record(MARKUP.as_bytes(), MARKUP.as_bytes(), vec![header(MARKUP, MARKUP.as_bytes())]),
        record(
            &[0xff, 0xfe, b'<', b'b', b'>'],
            &sample.value.clone().unwrap_or_default(),
            sample.headers.clone(),
        ),
        record(
            "\u{202e}gnirts\u{2066}".as_bytes(),
            "\u{202e}evil".as_bytes(),
            vec![header("\u{202e}h", b"a\0b\0<i>")],
        ),
        record(long.as_bytes(), long.as_bytes(), vec![header(&long, long.as_bytes()), header("", b"")]),
        record(b"", b"", vec![]),
        Raw { key: None, value: None, headers: vec![("none".to_owned(), None)] },
    ];
    let mut places = Vec::new();
    for topic in [topics::CONTRAT_MODIFIE, topics::DLQ_ERRORS] {
        for case in &cases {
            let (partition, offset) = show.put(topic, Some(0), case).await?;
            places.push(format!("/topics/{topic}/{partition}/{offset}"));
        }
        places.push(format!("/topics/{topic}?partition=0"));
    }
    for lang in ["en", "fr"] {
        let tab = Tab::look(&show.browser, &show.dashboard.url("/topics")).await?;
        for place in &places {
            let mark = if place.contains('?') { '&' } else { '?' };
            tab.0.goto(show.dashboard.url(&format!("{place}{mark}lang={lang}"))).await?;
            tab.until("document.readyState === 'complete' && document.getElementById('sight') !== null")
                .await?;
            let marked: u32 = tab
                .js("document.querySelectorAll('#sight script, #sight img, #sight b, #sight i').length")
                .await?;
            assert_eq!(marked, 0, "{place}");
            let wide: i64 = tab.js("document.documentElement.scrollWidth").await?;
            assert!(wide <= 1280, "{place}: {wide} wide");
            let problems: Vec<String> = tab.js("window.problems").await?;
            assert!(problems.is_empty(), "{place}: {problems:?}");
            let refused: bool =
                tab.js("document.querySelector('#sight .notice[role=alert]') !== null").await?;
            assert!(!refused, "{place} is shown");
        }
        tab.close().await?;
    }
    // The lab's own page, by the stream and as the server renders it.
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    show.put(topics::CONTRAT_MODIFIE, Some(0), &cases[0]).await?;
    let devis = show.quote("C-after-hostile").await?;
    tab.shows(&devis).await?;
    tab.close().await
}

/// A dashboard of its own, over a broker, registry and API server that are away.
pub(crate) async fn away(show: Arc<Show>) -> Outcome {
    let mut kafka = edalab_tests::rig::kafka::Kafka::start(&show.stand.parts).await?;
    let settings = edalab_tests::rig::service::Settings {
        bootstrap: kafka.bootstrap(),
        ..show.stand.settings(edalab_tests::rig::program::services().await?, "away")
    };
    let settings = edalab_tests::rig::service::Settings { service: "dashboard", ..settings };
    let mut dashboard = Service::new(settings)?;
    dashboard.set_env("KUBECONFIG", dashboard.data().join("none").display().to_string());
    dashboard.restart().await?;
    let tab = Tab::look(&show.browser, &dashboard.url("/topics?lang=en")).await?;
    tab.until("document.getElementById('sight').textContent.includes('dlq.errors')").await?;
    let groups = Tab::look(&show.browser, &dashboard.url("/groups?lang=fr")).await?;
    let lab = Tab::open(&show.browser, &dashboard.url("/?lang=en")).await?;
    let producer = ClientConfig::new().set("bootstrap.servers", kafka.bootstrap()).create()?;
    let sample = show.sample().await?;
    let publish = async |subject: &str| {
        let record = with_header(&sample, header::SUBJECT, subject);
        send(&producer, topics::DEVIS_GENERE, None, &record).await
    };
    publish("before-away").await?;
    lab.shows("before-away").await?;
    kafka.kill9().await?;
    for tab in [&tab, &groups] {
        tab.0.bring_to_front().await?;
        tab.until(
            "document.querySelector('#sight [role=alert]')?.textContent.includes('Kafka does not answer')",
        )
        .await?;
    }
    lab.0.bring_to_front().await?;
    lab.until("document.getElementById('kafka').textContent.includes('Kafka does not answer')").await?;
    // So long that the client which reads the events is given up: the next one goes on where it was.
    wait::until("another client", ARRIVAL, async || {
        let log = std::fs::read_to_string(dashboard.log()).map_err(|problem| problem.to_string())?;
        if log.contains("another takes its place") { Ok(()) } else { Err("there is none".to_owned()) }
    })
    .await?;
    kafka.restart().await?;
    lab.until("document.getElementById('kafka').hidden").await?;
    publish("after-away").await?;
    lab.shows("after-away").await?;
    let seen: Vec<String> =
        lab.js("[...document.querySelectorAll('#events .subject')].map(one => one.textContent)").await?;
    assert_eq!(seen, ["after-away", "before-away"], "each once");
    tab.0.bring_to_front().await?;
    tab.until("document.getElementById('sight').textContent.includes('dlq.errors')").await?;
    groups.0.bring_to_front().await?;
    groups.until("document.querySelector('#sight [role=alert]') === null").await?;

    // There is no Kubernetes either.
    let answer = show.http.get(dashboard.url("/components")).send().await?.text().await?;
    assert!(answer.contains("cannot be read from the Kubernetes API"), "{answer}");
    let answer = show.http.get(dashboard.url("/logs/kafka")).send().await?.text().await?;
    assert!(answer.contains("there is no Kubernetes API here"), "{answer}");
    for tab in [tab, groups, lab] {
        tab.close().await?;
    }
    Ok(())
}

pub(crate) async fn accessible(show: Arc<Show>) -> Outcome {
    let axe = Axe::get().await?;
    let devis = show.quote("C-axe").await?;
    let contrat = show.convert(&devis).await?;
    let message = path_of(&show, "ContratEmis", &contrat).await?;
    let pages = [
        "/",
        "/topics",
        "/topics/quotation.devis-genere",
        &message,
        "/topics/nothing",
        "/groups",
        "/schemas",
        "/schemas/quotation.devis-genere-value",
        "/components",
        "/logs",
    ];
    let mut found = Vec::new();
    let mut looked = 0;
    for theme in ["light", "dark"] {
        for lang in ["en", "fr"] {
            for path in pages {
                let tab =
                    Tab::look(&show.browser, &show.dashboard.url(&format!("{path}?lang={lang}"))).await?;
                let theme = MediaFeature { name: "prefers-color-scheme".to_owned(), value: theme.to_owned() };
                tab.0.emulate_media_features(vec![theme.clone()]).await?;
                tab.until("document.readyState === 'complete'").await?;
                for violation in axe.violations(&tab).await? {
                    let nodes: Vec<_> = violation.nodes.iter().map(|node| node.html.as_str()).collect();
                    found.push(format!(
                        "{path} {lang} {}: {} {} {nodes:?}",
                        theme.value, violation.id, violation.help
                    ));
                }
                looked += 1;
                if path != "/" && lang == "en" {
                    let name = path.split('/').nth(1).unwrap_or_default();
                    let name = if path == message { "one-message" } else { name };
                    tab.picture(&format!("beside-{name}-{}", theme.value), true).await?;
                }
                tab.close().await?;
            }
        }
    }
    println!("axe-core looked at {looked} pages");
    assert!(found.is_empty(), "{found:#?}");

    // At a phone's width nothing reaches beyond the screen.
    for path in pages {
        let tab = Tab::look(&show.browser, &show.dashboard.url(&format!("{path}?lang=fr"))).await?;
        tab.size(360, 780, 2.0).await?;
        let wide: i64 = tab.js("document.documentElement.scrollWidth").await?;
        assert!(wide <= 360, "{path}: {wide} wide");
        tab.close().await?;
    }
    Ok(())
}
