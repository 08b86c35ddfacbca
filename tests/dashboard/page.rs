//! The page in a browser.

use std::{sync::Arc, time::Duration};

use edalab_tests::{
    link::Link,
    rig::{ports, tab::Tab},
    suite::Outcome,
};
use schemas::{header, topics};

use crate::show::{Show, with_header};

/// The most that a first view may take, in bytes as they travel.
const FIRST_VIEW: usize = 100_000;

const LINES: &str = "[...document.querySelectorAll('#events li')]";

pub(crate) async fn small(show: Arc<Show>) -> Outcome {
    let fetch = async |path: &str| {
        let request = show.http.get(show.dashboard.url(path)).header("accept-encoding", "gzip");
        let response = request.send().await.and_then(reqwest::Response::error_for_status)?;
        let headers: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        Ok::<_, reqwest::Error>(headers + response.bytes().await?.len())
    };
    let page = show.http.get(show.dashboard.url("/")).send().await?.text().await?;
    let mut total = fetch("/").await?;
    for part in page.split('"').filter(|part| part.starts_with("/static/")) {
        total += fetch(part).await?;
    }
    println!("the first view takes {total} bytes");
    assert!(total < FIRST_VIEW, "{total}");
    Ok(())
}

pub(crate) async fn timeline(show: Arc<Show>) -> Outcome {
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    let devis = show.quote("C-seen").await?;
    tab.shows(&devis).await?;
    let evil = "<script>window.problems.push('it ran')</script><img src=x onerror=alert(1)>";
    let record = with_header(&show.sample().await?, header::SUBJECT, evil);
    show.put(topics::SINISTRE_DECLARE, None, &record).await?;
    // Cut to the length of a line, and text.
    tab.shows(&evil[..60]).await?;
    let marked: u32 = tab.js("document.querySelectorAll('#events script, #events img').length").await?;
    assert_eq!(marked, 0);
    // The same when the server renders it.
    tab.0.reload().await?;
    tab.shows(&evil[..60]).await?;

    show.convert(&devis).await?;
    tab.shows("ContratEmis").await?;
    tab.set("kind", "ContratEmis").await?;
    tab.until(&format!("{LINES}.length > 0 && {LINES}.every(l => l.dataset.kind === 'ContratEmis')")).await?;
    tab.set("kind", "").await?;
    tab.set("filter", &devis[..30]).await?;
    // The quote's own line, and that of the contract that names it.
    tab.until(&format!("{LINES}.length === 2 && {LINES}.every(l => l.textContent.includes({devis:?}))"))
        .await?;
    tab.set("filter", "nothing has this").await?;
    tab.until(&format!("{LINES}.length === 0 && !document.getElementById('empty').hidden")).await?;
    tab.set("filter", "").await?;
    tab.shows(&devis).await?;
    tab.close().await
}

pub(crate) async fn pause_and_tabs(show: Arc<Show>) -> Outcome {
    let one = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    let other = Tab::open(&show.browser, &show.dashboard.url("/?lang=fr")).await?;
    one.0.bring_to_front().await?;
    one.click("#pause").await?;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(show.quote("C-paused").await?);
    }
    other.shows(&all[2]).await?;
    one.until("document.getElementById('pause').textContent === 'Resume (3 waiting)'").await?;
    let shown: bool =
        one.js(&format!("document.getElementById('events').textContent.includes({:?})", all[0])).await?;
    assert!(!shown, "it stands still");
    one.click("#pause").await?;
    for devis in &all {
        one.shows(devis).await?;
        other.shows(devis).await?;
    }
    let ids = format!("{LINES}.slice(0, 3).map(l => l.dataset.id)");
    assert_eq!(one.js::<Vec<String>>(&ids).await?, other.js::<Vec<String>>(&ids).await?);
    one.close().await?;
    other.close().await
}

pub(crate) async fn cut(show: Arc<Show>) -> Outcome {
    let far =
        show.dashboard.url("").rsplit(':').next().and_then(|port| port.parse().ok()).ok_or("no port")?;
    let near = ports::free()?;
    let mut link = Link::new(near, far);
    link.open().await?;
    let tab = Tab::open(&show.browser, &format!("http://127.0.0.1:{near}/?lang=en")).await?;
    let before = show.quote("C-before").await?;
    tab.shows(&before).await?;
    link.shut().await;
    tab.until("document.getElementById('connection').dataset.state === 'disconnected'").await?;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(show.quote("C-cut").await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    link.open().await?;
    tab.until("document.getElementById('connection').dataset.state === 'connected'").await?;
    for devis in &all {
        tab.shows(devis).await?;
    }
    let gap: bool = tab.js("document.getElementById('gap').hidden").await?;
    assert!(gap, "nothing was missed, and so no gap is told");
    // Each line once, in order.
    let ids: Vec<String> = tab.js(&format!("{LINES}.map(l => l.dataset.id)")).await?;
    let mut sorted = ids.clone();
    sorted.sort_by_key(|id| std::cmp::Reverse(id.rsplit('-').next().and_then(|n| n.parse::<u64>().ok())));
    sorted.dedup();
    assert_eq!(ids, sorted);
    tab.close().await
}

pub(crate) async fn drawing(show: Arc<Show>) -> Outcome {
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    tab.0.bring_to_front().await?;
    let system = |name: &str, state: &str| {
        format!("document.querySelector('.wide .system[data-service={name}]').dataset.state === '{state}'")
    };
    for (name, state) in
        [("quotation", "up"), ("souscription", "up"), ("reclamation", "up"), ("simulator", "down")]
    {
        tab.until(&system(name, state)).await?;
    }
    tab.count_dots().await?;
    show.quote("C-drawn").await?;
    tab.until("window.dots > 0").await?;
    let mut souscription = show.souscription.lock().await;
    souscription.stop().await?;
    tab.until(&system("souscription", "down")).await?;
    for _ in 0..5 {
        show.quote("C-queued").await?;
    }
    tab.until(
        "document.querySelector('.wide .queue[data-topic=\"quotation.devis-genere\"] text').textContent === '5 waiting'",
    )
    .await?;
    let full: u32 = tab
        .js("document.querySelectorAll('.wide .queue[data-topic=\"quotation.devis-genere\"] .full').length")
        .await?;
    assert_eq!(full, 3);
    souscription.restart().await?;
    tab.until(&system("souscription", "up")).await?;
    tab.close().await
}
