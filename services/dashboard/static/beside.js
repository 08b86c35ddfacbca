// Keeps a page beside the lab's up to date: what moves is asked for again, and a log goes on as it is written.
(() => {
  'use strict';
  const LINES = 2000;

  // What is shown is left alone while somebody is in it, by keyboard or with a selection.
  function busy(sight) {
    const active = document.activeElement;
    return document.hidden || (active !== document.body && sight.contains(active)) || String(getSelection()) !== '';
  }

  function look() {
    const sight = document.getElementById('sight');
    const seconds = Number(sight.dataset.every);
    if (!seconds) return;
    setTimeout(async () => {
      if (!busy(sight)) {
        try {
          const answer = await fetch(location.href, { headers: { 'x-fragment': '1' } });
          if (answer.ok) {
            const parsed = new DOMParser().parseFromString(await answer.text(), 'text/html');
            sight.replaceWith(parsed.getElementById('sight'));
          }
        } catch {
          // The dashboard itself is away; it is asked again.
        }
      }
      look();
    }, seconds * 1000);
  }

  function follow(log) {
    const trouble = document.getElementById('log-trouble');
    const stream = new EventSource(log.dataset.stream);
    // What the page came with is what the stream begins with.
    stream.addEventListener('open', () => { log.textContent = ''; });
    stream.addEventListener('line', ({ data }) => {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      log.append(data + '\n');
      trouble.hidden = true;
      while (log.childNodes.length > LINES) log.firstChild.remove();
      if (atEnd) log.scrollTop = log.scrollHeight;
    });
    stream.addEventListener('trouble', ({ data }) => {
      trouble.textContent = data;
      trouble.hidden = false;
    });
  }

  look();
  const log = document.getElementById('log');
  if (log) {
    log.scrollTop = log.scrollHeight;
    follow(log);
  }
})();
