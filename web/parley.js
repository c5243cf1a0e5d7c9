// The status of this gateway, asked for every second or so while somebody looks. What comes from the
// gateway is only ever set as text: agents choose their names themselves.

const PERIOD_MS = 1000;
const SLOWEST_MS = 10_000;
const PATIENCE_MS = 8_000;
const KEY = 'parley.token';

const at = (id) => document.getElementById(id);
const say = (id, text) => {
  // Unchanged text is left alone, so that nothing is announced again and a selection stays.
  if (at(id).textContent !== text) at(id).textContent = text;
};
const number = new Intl.NumberFormat('en');
const BLANK = '\u00a0';

let token = sessionStorage.getItem(KEY) ?? '';
let last; // the figures before, and when they came
let timer;
let failures = 0;
let asking;

// --- what is shown ---------------------------------------------------------------------------

const STATES = { ok: 'Serving', draining: 'Stopping', lost: 'No connection' };

function showState(state, notice = '') {
  document.body.dataset.state = state;
  say('state-text', STATES[state]);
  say('notice', notice);
  at('notice').hidden = notice === '';
}

function span(seconds) {
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = Math.max(units.findIndex(([, size]) => seconds >= size), 0);
  if (seconds < 1) return '0 s';
  const [name, size] = units[first];
  const rest = units[first + 1];
  const whole = Math.floor(seconds / size);
  if (!rest || rest[0] === 's' && whole >= 10) return `${whole} ${name}`;
  return `${whole} ${name} ${Math.floor((seconds % size) / rest[1])} ${rest[0]}`;
}

function showRates(messages, now) {
  for (const name of ['received', 'delivered', 'dropped']) {
    say(name, number.format(messages[name]));
    const seconds = last ? (now - last.now) / 1000 : 0;
    const rate = seconds > 0 ? Math.max(messages[name] - last.messages[name], 0) / seconds : 0;
    say(`${name}-rate`, seconds > 0 ? `${number.format(Math.round(rate))} per second` : BLANK);
  }
  last = { messages, now };
}

function abilities(capabilities) {
  if (Array.isArray(capabilities)) return capabilities.filter((each) => typeof each === 'string');
  const { chat, streaming, tools, modes, custom } = capabilities ?? {};
  const named = (list) => (Array.isArray(list) ? list.filter((each) => typeof each === 'string') : []);
  return [
    ...(chat === true ? ['chat'] : []),
    ...(streaming === true ? ['streaming'] : []),
    ...named(tools),
    ...named(modes),
    ...Object.keys(custom ?? {}).filter((key) => custom[key]),
  ];
}

function cell(label, text, below) {
  const td = document.createElement('td');
  td.dataset.label = label;
  const value = document.createElement('span');
  value.textContent = text;
  if (below) {
    const id = document.createElement('span');
    id.className = 'id';
    id.textContent = below;
    value.append(id);
  }
  td.append(value);
  return td;
}

function row(agent, now) {
  const tr = document.createElement('tr');
  const able = abilities(agent.capabilities);
  const shown = able.slice(0, 12).join(', ') + (able.length > 12 ? ` and ${able.length - 12} more` : '');
  const since = cell('Connected', `${span(now - agent.connected_at)}`);
  since.className = 'when';
  tr.append(
    cell('Agent', agent.name, agent.name === agent.agent_id ? '' : agent.agent_id),
    cell('Role', agent.role),
    cell('World', agent.world ?? ''),
    cell('Can do', shown || '–'),
    since,
  );
  return tr;
}

// Rows that did not change stay the elements that they were, so that a selection in one of them stays.
function showAgents(agents, total, now) {
  const rows = at('rows');
  const fresh = agents.map((agent) => row(agent, now));
  fresh.forEach((tr, index) => {
    const old = rows.children[index];
    if (!old) rows.append(tr);
    else if (!old.isEqualNode(tr)) old.replaceWith(tr);
  });
  while (rows.children.length > fresh.length) rows.lastElementChild.remove();
  at('table').hidden = agents.length === 0;
  at('nobody').hidden = agents.length > 0;
  say('nobody', 'No agent is connected yet.');
  at('more').hidden = total <= agents.length;
  say('more', `The first ${number.format(agents.length)} of ${number.format(total)}; all are listed at /api/gateway/agents.`);
}

function showWhere(paths, gatewayPath) {
  if (!paths?.length) return;
  const base = location.origin.replace(/^http/, 'ws');
  say('world-url', base + paths[0]);
  say('gateway-url', base + gatewayPath);
  at('aliases').hidden = paths.length < 2;
  say('aliases', `The same world is at ${paths.slice(1).join(', ')}. Another one: add ?world=NAME.`);
}

function showStatus(status) {
  const now = performance.now();
  const notice = 'The gateway is stopping: it takes no new clients, and closes those that are connected one after the other.';
  showState(status.status === 'draining' ? 'draining' : 'ok', status.status === 'draining' ? notice : '');
  say('since', `up ${span(status.uptime_seconds)}`);
  say('clients', number.format(status.connections));
  say('agents-count', number.format(status.total));
  say('sessions', number.format(status.sessions));
  showRates(status.messages, now);
  showWhere(status.world_paths, status.gateway_path);
  say('version', `Parley ${status.version}`);
  const mayList = Array.isArray(status.agents);
  at('agents').hidden = !mayList;
  at('access').hidden = mayList;
  at('forget').hidden = token === '';
  if (mayList) showAgents(status.agents, status.total, status.started_at + status.uptime_seconds);
}

// --- asking ----------------------------------------------------------------------------------

function forget(message) {
  token = '';
  sessionStorage.removeItem(KEY);
  say('token-error', message || BLANK);
}

// How long until it may be asked again, in milliseconds.
async function ask() {
  asking = new AbortController();
  const patience = setTimeout(() => asking.abort(), PATIENCE_MS);
  const used = token;
  try {
    const headers = { Accept: 'application/json', ...(used && { Authorization: `Bearer ${used}` }) };
    const answer = await fetch('/api/gateway/status', { headers, cache: 'no-store', credentials: 'omit', signal: asking.signal });
    if (token !== used) return 0;
    if (answer.status === 401) {
      forget('This token is not accepted.');
      return 0;
    }
    if (answer.status === 429) {
      const seconds = Number(answer.headers.get('Retry-After')) || 60;
      forget(`Too many wrong tokens came from here; try again in ${span(seconds)}.`);
      return PERIOD_MS;
    }
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    showStatus(await answer.json());
    failures = 0;
    return PERIOD_MS;
  } catch (error) {
    if (document.hidden) return PERIOD_MS;
    failures += 1;
    last = undefined;
    showState('lost', 'The gateway does not answer. What stands below is what it said last; this page tries again by itself.');
    return Math.min(PERIOD_MS * 2 ** failures, SLOWEST_MS);
  } finally {
    clearTimeout(patience);
    asking = undefined;
  }
}

async function watch() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  const pause = await ask();
  clearTimeout(timer);
  timer = setTimeout(watch, pause);
}

// --- what people do --------------------------------------------------------------------------

document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    clearTimeout(timer);
    last = undefined;
  } else {
    watch();
  }
});

at('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const given = at('token').value.trim();
  at('token').value = '';
  if (!/^[A-Za-z0-9._~-]+$/.test(given)) {
    say('token-error', 'A token is made of letters, digits and . _ ~ - only.');
    return;
  }
  say('token-error', BLANK);
  token = given;
  sessionStorage.setItem(KEY, token);
  watch();
});

at('forget').addEventListener('click', () => {
  forget();
  watch();
});

at('copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(at('world-url').textContent);
    say('copy', 'Copied');
  } catch {
    getSelection().selectAllChildren(at('world-url'));
    say('copy', 'Selected');
  }
  setTimeout(() => say('copy', 'Copy'), 1500);
});

showWhere(['/ws/matrix'], '/ws');
watch();
