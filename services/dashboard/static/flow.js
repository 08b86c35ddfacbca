// Draws what the stream tells: events on their arrows and in the timeline, what waits, and who is up. The rest of the page
// comes from the server, through htmx. What an event holds is set as text, never as markup.
'use strict';
(() => {
  const texts = document.body.dataset;
  const lang = document.documentElement.lang;
  const byId = id => document.getElementById(id);
  const number = new Intl.NumberFormat(lang);
  const decimal = new Intl.NumberFormat(lang, { maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(lang, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false,
  });
  const filled = (text, n) => text.replace('{n}', number.format(n));
  const still = matchMedia('(prefers-reduced-motion: reduce)');

  // ---- the connection: one stream for everything; the htmx extension swaps the pieces of the page that come with it
  let last = texts.last;
  let source = null;
  let heard = 0;
  const SILENCE = 15000; // the server gives a sign of life every five seconds

  function connection(state) {
    const shown = byId('connection');
    if (shown.dataset.state === state) return;
    shown.dataset.state = state;
    shown.querySelector('.word').textContent = texts[state];
  }

  htmx.createEventSource = url => {
    source = new EventSource(`${url}&after=${encodeURIComponent(last)}`);
    const on = (name, act) => source.addEventListener(name, message => {
      heard = Date.now();
      act(message);
    });
    on('open', () => connection('connected'));
    on('beat', () => {});
    on('state', message => state(JSON.parse(message.data)));
    on('gap', message => gap(JSON.parse(message.data)));
    on('events', message => {
      last = message.lastEventId;
      take(JSON.parse(message.data));
    });
    source.addEventListener('error', () => connection('disconnected'));
    return source;
  };

  // A connection may be gone without a word.
  setInterval(() => {
    if (source && source.readyState === EventSource.OPEN && Date.now() - heard > SILENCE) {
      source.close();
      source.dispatchEvent(new Event('error')); // the extension connects again
    }
  }, 3000);

  document.body.addEventListener('htmx:sendError', () => {
    byId('answer').textContent = texts.disconnected;
  });

  // ---- what comes
  const arrivals = []; // [moment, how many], of the last seconds
  const WINDOW = 5000;
  let seen = 0;

  function take(events) {
    seen += events.length;
    arrivals.push([performance.now(), events.length]);
    events.forEach((event, place) => {
      remember(event);
      draw(event, place * 100 / events.length);
    });
    soon();
  }

  setInterval(() => {
    const from = performance.now() - WINDOW;
    while (arrivals.length && arrivals[0][0] < from) arrivals.shift();
    const count = arrivals.reduce((sum, [, many]) => sum + many, 0);
    byId('stat-rate').textContent = decimal.format(count * 1000 / WINDOW);
    byId('stat-seen').textContent = number.format(seen);
  }, 500);

  // ---- the drawing
  const LIVE = 10; // dots on an arrow at a time
  const STREAM = 15; // events a second from which dots become a stream
  const arrows = [...document.querySelectorAll('.arrow')].map(element => {
    const path = element.querySelector('.line');
    const drawing = element.closest('svg');
    const { topic, from, type } = element.dataset;
    const plates = drawing.querySelectorAll(`.plate[data-topic="${topic}"]`);
    return { element, path, drawing, plates, topic, from, type, live: 0, recent: 0, lit: 0, length: 0 };
  });
  const dots = [];
  let drawn = 0;

  function draw(event, delay) {
    if (document.hidden) return;
    for (const arrow of arrows) {
      if (arrow.topic !== event.topic) continue;
      if (event.status === 'DEAD_LETTER' && arrow.from !== event.source) continue;
      arrow.recent += 1;
      arrow.lit = performance.now() + delay + 600;
      if (!still.matches && arrow.live < LIVE && !arrow.element.dataset.heat && arrow.drawing.clientWidth) {
        arrow.length ||= arrow.path.getTotalLength();
        const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
        dot.setAttribute('r', 6);
        dot.dataset.type = arrow.type;
        arrow.live += 1;
        dots.push({ dot, arrow, start: performance.now() + delay, takes: 500 + arrow.length * 1.6 });
      }
    }
    if (!drawn) drawn = requestAnimationFrame(frame);
  }

  function frame(now) {
    for (let place = dots.length - 1; place >= 0; place -= 1) {
      const { dot, arrow, start, takes } = dots[place];
      const way = (now - start) / takes;
      if (way < 0) continue;
      if (way >= 1) {
        dot.remove();
        arrow.live -= 1;
        dots.splice(place, 1);
        continue;
      }
      if (!dot.isConnected) arrow.drawing.querySelector('.dots').append(dot);
      const at = arrow.path.getPointAtLength(arrow.length * way);
      dot.setAttribute('cx', at.x);
      dot.setAttribute('cy', at.y);
    }
    let lit = false;
    for (const arrow of arrows) {
      const on = arrow.lit > now;
      lit ||= on;
      arrow.element.classList.toggle('lit', on);
      const any = on || arrows.some(other => other.topic === arrow.topic && other.lit > now);
      for (const plate of arrow.plates) plate.classList.toggle('lit', any);
    }
    drawn = dots.length || lit ? requestAnimationFrame(frame) : 0;
  }

  // Many events a second are a stream, the thicker the more.
  setInterval(() => {
    for (const arrow of arrows) {
      const rate = arrow.recent;
      arrow.recent = 0;
      if (rate < STREAM) delete arrow.element.dataset.heat;
      else arrow.element.dataset.heat = rate < 60 ? 1 : rate < 250 ? 2 : 3;
    }
  }, 1000);

  function state({ lag, services, kafka }) {
    byId('kafka').textContent = kafka ?? '';
    byId('kafka').hidden = !kafka;
    for (const system of document.querySelectorAll('.system')) {
      const is = services[system.dataset.service] ?? 'unknown';
      system.dataset.state = is;
      system.querySelector('.state').textContent = texts[is];
    }
    let waiting = 0;
    for (const of of Object.values(lag)) for (const n of Object.values(of)) waiting += n;
    byId('stat-waiting').textContent = number.format(waiting);
    for (const queue of document.querySelectorAll('.queue')) {
      const n = lag[queue.dataset.service]?.[queue.dataset.topic] ?? 0;
      const squares = [...queue.querySelectorAll('rect')];
      const full = n > 0 ? Math.min(squares.length, Math.ceil(Math.log2(n + 1))) : 0;
      // The next one to be read stands nearest to the consumer.
      const first = queue.dataset.end === 'left' ? squares : squares.reverse();
      first.forEach((square, place) => square.classList.toggle('full', place < full));
      queue.querySelector('text').textContent = n > 0 ? filled(texts.waiting, n) : '';
    }
  }

  // ---- the timeline
  const KEPT = 1000;
  const SHOWN = 100;
  const list = byId('events');
  const blank = byId('row').content.firstElementChild;
  const words = { PUBLISHED: texts.published, DEAD_LETTER: texts.deadLetter, UNREADABLE: texts.unreadable };
  const rows = []; // newest last
  let paused = false;
  let waiting = []; // came while paused
  let due = 0;

  for (const element of [...list.children].reverse()) {
    const time = element.querySelector('time');
    time.textContent = clock.format(new Date(time.dateTime));
    rows.push({ type: element.dataset.type, kind: element.dataset.kind, text: element.textContent.toLowerCase(), element });
  }

  function remember(event) {
    const type = event.status === 'DEAD_LETTER' ? 'DLQ' : event.type;
    const parts = [event.type, event.source, ...event.destinations, event.subject, event.summary, words[event.status]];
    const into = paused ? waiting : rows;
    into.push({ type, kind: event.type, text: parts.join(' ').toLowerCase(), event });
    if (into.length > KEPT * 2) into.splice(0, into.length - KEPT);
  }

  function rowOf(row) {
    if (row.element) return row.element;
    const { event } = row;
    const element = blank.cloneNode(true);
    const put = (part, text) => { element.querySelector(part).textContent = text; };
    element.dataset.type = row.type;
    element.dataset.kind = row.kind;
    element.dataset.id = event.id;
    element.querySelector('time').dateTime = event.time;
    put('time', clock.format(new Date(event.time)));
    put('.kind', event.type);
    element.querySelector('.kind').href = `/topics/${event.topic}/${event.partition}/${event.offset}`;
    put('.route', [event.source, event.destinations.join(', ')].filter(Boolean).join(' → '));
    put('.subject', event.subject);
    put('.summary', event.summary);
    put('.status', words[event.status]);
    element.querySelector('.status').dataset.status = event.status;
    row.element = element;
    return element;
  }

  function show() {
    due = 0;
    const pause = byId('pause');
    pause.textContent = paused ? filled(texts.resume, waiting.length) : texts.pause;
    if (paused && !show.forced) return;
    show.forced = false;
    const text = byId('filter').value.trim().toLowerCase();
    const kind = byId('kind').value;
    const shown = [];
    for (let place = rows.length - 1; place >= 0 && shown.length < SHOWN; place -= 1) {
      const row = rows[place];
      if (kind && row.type !== kind) continue;
      if (text && !row.text.includes(text)) continue;
      shown.push(rowOf(row));
    }
    list.replaceChildren(...shown);
    const empty = byId('empty');
    empty.hidden = shown.length > 0;
    empty.textContent = rows.length ? texts.nothingMatches : texts.nothingYet;
  }

  function soon() {
    if (!due) due = setTimeout(show, 150);
  }

  function now() {
    clearTimeout(due);
    show.forced = true;
    show();
  }

  byId('tools').addEventListener('submit', event => event.preventDefault());
  // Whoever types sees the key first; the list is drawn when it is on the screen.
  byId('filter').addEventListener('input', () => { setTimeout(now, 30); });
  byId('kind').addEventListener('change', now);
  byId('pause').addEventListener('click', event => {
    paused = !paused;
    event.currentTarget.setAttribute('aria-pressed', paused);
    if (!paused) {
      rows.push(...waiting);
      rows.splice(0, Math.max(0, rows.length - KEPT));
      waiting = [];
    }
    now();
  });

  function gap({ missed }) {
    const notice = byId('gap');
    notice.textContent = missed === null ? texts.gapUnknown : filled(texts.gapKnown, missed);
    notice.hidden = false;
  }
})();
