//! The dashboard's page in a tab of a browser.

use std::{error::Error, time::Duration};

use chromiumoxide::{
    Page, cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams, page::ScreenshotParams,
};
use serde::de::DeserializeOwned;

use super::{browser::Browser, program};
use crate::{suite::Outcome, wait};

/// How long something may take to be seen.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Notes what goes wrong in a page: errors, and what its policy forbids.
const WATCH: &str = "window.problems = []; \
    addEventListener('error', e => problems.push(String(e.message))); \
    addEventListener('unhandledrejection', e => problems.push(String(e.reason))); \
    addEventListener('securitypolicyviolation', e => problems.push(`${e.violatedDirective}: ${e.blockedURI}`));";

/// A tab with the page.
#[derive(Debug)]
pub struct Tab(pub Page);

impl Tab {
    /// Opens a page that stands still.
    pub async fn look(browser: &Browser, url: &str) -> Result<Self, Box<dyn Error>> {
        let tab = Self(browser.open("about:blank").await?);
        tab.0.add_init_script(WATCH).await?;
        tab.size(1280, 900, 1.0).await?;
        tab.0.goto(url).await?;
        Ok(tab)
    }

    /// Opens the lab's page and waits until it listens.
    pub async fn open(browser: &Browser, url: &str) -> Result<Self, Box<dyn Error>> {
        let tab = Self::look(browser, url).await?;
        tab.until("document.getElementById('connection').dataset.state === 'connected'").await?;
        Ok(tab)
    }

    /// Sets the size of what is seen, in CSS pixels, and how many dots of the picture each has across.
    pub async fn size(&self, width: i64, height: i64, scale: f64) -> Result<(), Box<dyn Error>> {
        self.0.execute(SetDeviceMetricsOverrideParams::new(width, height, scale, width < 600)).await?;
        Ok(())
    }

    /// Counts from now on how many dots are drawn, in `window.dots`.
    pub async fn count_dots(&self) -> Result<(), Box<dyn Error>> {
        let script = "window.dots = 0; new MutationObserver(all => all.forEach(m => window.dots += m.addedNodes.length))\
                      .observe(document.querySelector('.wide .dots'), {childList: true})";
        self.0.evaluate(script).await?;
        Ok(())
    }

    /// What an expression comes to.
    pub async fn js<T: DeserializeOwned>(&self, expression: &str) -> Result<T, Box<dyn Error>> {
        Ok(self.0.evaluate(expression).await?.into_value()?)
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) -> Result<(), Box<dyn Error>> {
        wait::until(expression, ARRIVAL, async || match self.js::<bool>(expression).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("it is false".to_owned()),
            Err(problem) => Err(problem.to_string()),
        })
        .await?;
        Ok(())
    }

    /// Waits until a line of the timeline holds the text.
    pub async fn shows(&self, text: &str) -> Result<(), Box<dyn Error>> {
        self.until(&format!("document.getElementById('events').textContent.includes({text:?})")).await
    }

    /// Types into a field.
    pub async fn set(&self, id: &str, value: &str) -> Result<(), Box<dyn Error>> {
        let script = format!(
            "(() => {{ const f = document.getElementById({id:?}); f.value = {value:?}; \
             f.dispatchEvent(new Event('input', {{bubbles: true}})); f.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"
        );
        self.0.evaluate(script).await?;
        Ok(())
    }

    pub async fn click(&self, selector: &str) -> Result<(), Box<dyn Error>> {
        self.0.find_element(selector).await?.click().await?;
        Ok(())
    }

    /// Keeps a picture of the page for people to look at, in `target/screenshots/`: the whole of it, or what is seen.
    pub async fn picture(&self, name: &str, whole: bool) -> Result<(), Box<dyn Error>> {
        let folder = program::target().join("screenshots");
        std::fs::create_dir_all(&folder)?;
        let (width, height, scale): (i64, i64, f64) =
            self.js("[innerWidth, innerHeight, devicePixelRatio]").await?;
        if whole {
            // What is out of sight may not be drawn yet, so all of it comes into sight.
            self.size(width, self.js("document.documentElement.scrollHeight").await?, scale).await?;
            self.0.bring_to_front().await?;
            let twice = "requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }))";
            self.0.evaluate(twice).await?;
            self.until("window.drawn").await?;
        }
        self.0.save_screenshot(ScreenshotParams::default(), folder.join(format!("{name}.png"))).await?;
        self.size(width, height, scale).await
    }

    /// Closes the tab, in which nothing must have gone wrong.
    pub async fn close(self) -> Outcome {
        let problems: Vec<String> = self.js("window.problems").await?;
        assert!(problems.is_empty(), "{problems:?}");
        self.0.close().await?;
        Ok(())
    }
}
