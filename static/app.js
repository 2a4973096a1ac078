// Without it every form posts and every link leads.
'use strict';
const $ = (q, e = document) => e.querySelector(q);
const all = (q, e = document) => [...e.querySelectorAll(q)];

// htmx parses the server's own HTML by this policy.
window.trustedTypes?.createPolicy('default', { createHTML: (s) => s });

const say = (text, at = '#say') => { $(at).textContent = text; };

// Times are the server's: a wrong clock here does no harm.
const words = (s) => {
  const u = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const i = Math.max(0, u.findIndex(([n]) => s >= n));
  return s < 60 ? s + ' s' : u.slice(i, i + 2).map(([n, w], k) => Math.floor(k ? s % u[i][0] / n : s / n) + ' ' + w).join(' ');
};
const asked = new Set();
function tick() {
  for (const e of all('[data-now]')) {
    e.skew ??= e.dataset.now - Date.now();
    const now = e.skew + Date.now(), s = Math.max(0, Math.ceil((e.dataset.until - now) / 1000)), was = e.left;
    if (e.localName === 'time') { e.textContent = new Date(now).toISOString().slice(11, 19); continue; }
    e.left = s;
    if (e.localName === 'meter') { e.value = s; continue; }
    if (s !== was) e.textContent = words(s);
    const at = (n) => was > n && s <= n;
    if (e.role === 'timer') for (const [n, t] of [[300, 'Five minutes left.'], [60, 'One minute left.'], [0, 'The time is up.']]) if (at(n)) say(t);
    // Once: two clocks a second apart must not loop.
    const key = e.dataset.again;
    if (at(0) && key && !asked.has(key)) {
      asked.add(key);
      setTimeout(() => htmx.ajax('GET', $('#play').dataset.self, { target: '#play', swap: 'outerHTML' }), 1000);
    }
  }
}
setInterval(tick, 1000);

// What is typed and open outlives a swap that only reads.
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
  const f = c.elt.dataset.focus, to = c.verb === 'post' ? $('#errors, #h-problem, .bad-notice') ?? $(f ?? '#h-answer, #notice') : f && $(f);
  if (!to) return;
  to.focus({ preventScroll: true });
  const y = to.getBoundingClientRect().top;
  if (y < 140 || y > innerHeight * .7) to.scrollIntoView();
});
addEventListener('htmx:sendError', () => say('This server did not answer. Check that it is running, then try again.', '#oops'));

addEventListener('click', async ({ target }) => {
  for (const m of all('.menu[open]')) if (!m.contains(target)) m.open = false;
  const b = target.closest?.('[data-copy], [data-show]');
  if (!b) return;
  if (b.dataset.show) {
    const e = $(b.dataset.show), show = e.type === 'password';
    e.type = show ? 'text' : 'password';
    b.ariaPressed = show;
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
// A folded form that is opened is there to be typed in.
addEventListener('toggle', ({ target: t }) => { if (t.open && t.matches('.paste')) $('input', t).focus(); }, true);
addEventListener('keydown', (e) => {
  if (e.key === 'Escape') for (const m of all('.menu[open], .paste[open]')) { m.open = false; $('summary', m).focus(); }
});
