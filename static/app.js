// An enhancement only: without it every form posts and every link leads.
(() => {
  'use strict';
  const $ = (q, in_ = document) => in_.querySelector(q);
  const all = (q, in_ = document) => [...in_.querySelectorAll(q)];

  // htmx hands the server's own HTML to the parser and needs this policy first.
  window.trustedTypes?.createPolicy('default', { createHTML: (s) => s });

  const say = (text, where = '#say') => { $(where).textContent = text; };

  // Both times are the server's, so a wrong clock here does not matter.
  const words = (s) => {
    const u = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
    const i = Math.max(0, u.findIndex(([n]) => s >= n));
    return s < 60 ? s + ' s' : u.slice(i, i + 2).map(([n, w], k) => Math.floor(k ? s % u[i][0] / n : s / n) + ' ' + w).join(' ');
  };
  const asked = new Set();
  function tick() {
    for (const e of all('[data-until]')) {
      e.skew ??= e.dataset.now - Date.now();
      const s = Math.max(0, Math.ceil((e.dataset.until - e.skew - Date.now()) / 1000)), was = e.left;
      e.left = s;
      if (e.localName === 'meter') { e.value = s; continue; }
      if (s !== was) e.textContent = words(s);
      const at = (n) => was > n && s <= n;
      if (e.role === 'timer') {
        if (at(300)) say('Five minutes left.');
        if (at(60)) say('One minute left.');
        if (at(0)) say('The time is up.');
      }
      // Once each: two clocks a second apart must not loop.
      const key = e.dataset.again;
      if (at(0) && key && !asked.has(key)) {
        asked.add(key);
        setTimeout(() => htmx.ajax('GET', $('#play').dataset.self, { target: '#play', swap: 'outerHTML' }), 1000);
      }
    }
  }
  setInterval(tick, 1000);

  // What is typed, and what is open, outlives a swap that only reads.
  let kept = null;
  const fields = () => all('#play input:not([type=hidden]), #play details[id]');
  addEventListener('htmx:beforeSwap', ({ detail: { requestConfig: c } }) => {
    say('', '#oops');
    kept = c.verb === 'get' && !c.elt.closest('[data-fresh]') ? new Map(fields().filter((e) => e.id).map((e) => [e.id, e.open ?? e.value])) : null;
  });
  addEventListener('htmx:afterSettle', ({ target, detail: { requestConfig: c } }) => {
    const play = $('#play');
    if (target !== play) return;
    for (const e of kept ? fields() : []) {
      if (e.localName === 'details') e.open ||= kept.get(e.id) === true;
      else e.value ||= kept.get(e.id) ?? '';
    }
    kept = null;
    if (play.dataset.self) history.replaceState(history.state, '', play.dataset.self);
    tick();
    const q = c.verb === 'post' ? '#errors, #h-answer, #notice, #h-problem' : c.elt.dataset.focus;
    const to = q && $(q);
    if (!to) return;
    to.focus({ preventScroll: true });
    const r = to.getBoundingClientRect();
    if (r.top < 140 || r.top > innerHeight * .7) to.scrollIntoView();
  });
  addEventListener('htmx:sendError', () => say('This server did not answer. Check that it is running, then try again.', '#oops'));

  addEventListener('click', async ({ target }) => {
    for (const m of all('.menu[open]')) if (!m.contains(target)) m.open = false;
    const b = target.closest?.('[data-copy], [data-show]');
    if (!b) return;
    if (b.dataset.show) {
      const e = $(b.dataset.show), show = e.type === 'password';
      e.type = show ? 'text' : 'password';
      b.setAttribute('aria-pressed', show);
      return;
    }
    const from = $(b.dataset.copy);
    try {
      const text = from.rows ? [...from.tBodies[0].rows].map((r) => all('code', r).map((c) => c.textContent).join(': ')).join('\n') : from.textContent.trimEnd();
      await navigator.clipboard.writeText(text);
      say('Copied.');
      b.textContent = 'Copied';
      setTimeout(() => { b.textContent = 'Copy'; }, 2000);
    } catch {
      getSelection().selectAllChildren(from);
      say('Selected. Press Ctrl+C.');
    }
  });
  addEventListener('keydown', (e) => {
    if (e.key !== 'Escape') return;
    for (const m of all('.menu[open], .paste[open]')) { m.open = false; $('summary', m).focus(); }
  });
})();
