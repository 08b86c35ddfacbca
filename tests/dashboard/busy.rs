//! One browser before a busy lab: it stays small and answers whoever types.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chromiumoxide::cdp::{
    browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType},
    js_protocol::heap_profiler::CollectGarbageParams,
};
use edalab_tests::{rig::tab::Tab, suite::Outcome};
use schemas::{header, topics};

use crate::show::{Show, with_header};

const PER_SECOND: u32 = 1_000;
/// Records that are sent together, a hundredth of a second's worth.
const TOGETHER: u32 = 10;
/// How long, unless PAGE_SECONDS says otherwise: `make test-page` takes 300.
const SECONDS: u64 = 15;
/// The longest that a key may take until what it does is drawn, in milliseconds.
const ANSWERED: f64 = 200.0;
/// What the page's objects may grow by after its first tenth, in bytes.
const GROWN: f64 = 4e6;

/// Collects how long keys took, as the browser itself measures it (Event Timing API).
const WATCH_KEYS: &str = "window.keys = []; new PerformanceObserver(list => { for (const e of list.getEntries()) \
    if (e.name.startsWith('key')) keys.push(e.duration); }).observe({type: 'event', durationThreshold: 16, buffered: false})";

pub(crate) async fn busy(show: Arc<Show>) -> Outcome {
    let seconds: u64 =
        std::env::var("PAGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let tab = Tab::open(&show.browser, &show.dashboard.url("/?lang=en")).await?;
    tab.0.bring_to_front().await?;
    tab.0.evaluate(WATCH_KEYS).await?;
    let sample = show.sample().await?;
    let over = Arc::new(AtomicBool::new(false));
    let (sender, ended) = (Arc::clone(&show), Arc::clone(&over));
    let sending = tokio::spawn(async move {
        let (began, mut number) = (Instant::now(), 0_u32);
        while !ended.load(Ordering::SeqCst) {
            let due = Duration::from_secs(1) * number / PER_SECOND;
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            let record = with_header(&sample, header::SUBJECT, &format!("busy-{number}"));
            let put = async || {
                let put = sender.put(topics::DEVIS_GENERE, None, &record).await;
                put.map(drop).map_err(|problem| problem.to_string())
            };
            futures::future::try_join_all((0..TOGETHER).map(|_| put())).await?;
            number += TOGETHER;
        }
        Ok::<_, String>(f64::from(number) / began.elapsed().as_secs_f64())
    });
    tab.click("#filter").await?;
    let began = Instant::now();
    let mut heaps = Vec::new();
    for tenth in 1..=10 {
        let until = Duration::from_secs(seconds) * tenth / 10;
        while began.elapsed() < until {
            for key in ["b", "Backspace"] {
                press(&tab, key).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        heaps.push(heap(&tab).await?);
    }
    over.store(true, Ordering::SeqCst);
    let rate = sending.await??;
    let keys: Vec<f64> = tab.js("window.keys").await?;
    let slowest = keys.iter().copied().fold(0.0, f64::max);
    let mib: Vec<String> = heaps.iter().map(|bytes| format!("{:.1}", bytes / 1_048_576.0)).collect();
    println!("{rate:.0} events a second for {seconds} s; heap after each tenth, MiB: {}", mib.join(" "));
    println!(
        "keys that took 16 ms or more until they were drawn: {}, the slowest {slowest:.0} ms",
        keys.len()
    );
    assert!(slowest <= ANSWERED, "a key took {slowest} ms");
    assert!(heaps[9] - heaps[0] < GROWN, "the heap grows: {mib:?}");
    tab.shows("busy-").await?;
    tab.close().await
}

async fn press(tab: &Tab, key: &str) -> Result<(), Box<dyn std::error::Error>> {
    let code = if key == "Backspace" { 8 } else { 66 };
    for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
        let mut event =
            DispatchKeyEventParams::builder().r#type(kind.clone()).key(key).windows_virtual_key_code(code);
        if key.len() == 1 && kind == DispatchKeyEventType::KeyDown {
            event = event.text(key);
        }
        tab.0.execute(event.build()?).await?;
    }
    Ok(())
}

/// Bytes that the page's objects take, when what is not used any more is gone.
async fn heap(tab: &Tab) -> Result<f64, Box<dyn std::error::Error>> {
    tab.0.execute(CollectGarbageParams::default()).await?;
    tab.js("performance.memory.usedJSHeapSize").await
}
