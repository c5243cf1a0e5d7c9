// A world drawn from what is heard on one WebSocket: who is here, where, and what is said.
//
//   world.html?gateway=ws://127.0.0.1:8765/ws/matrix&world=main&name=visitor
//
// Everything that peers say is put in as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';
const LOG_LINES = 200;
const BUBBLE = { width: 210, seconds: 8 };

const asked = new URLSearchParams(location.search);
const gateway = new URL(asked.get('gateway') ?? 'ws://127.0.0.1:8765/ws/matrix');
const world = asked.get('world') ?? 'main';
if (world !== 'main') gateway.searchParams.set('world', world);

const $ = (id) => document.getElementById(id);
const people = new Map(); // agent id -> { x, y, group, role }
const bubbles = new Map(); // agent id -> { group, box, timer }

let socket;
let me = asked.get('name') ?? `visitor-${Math.random().toString(36).slice(2, 6)}`;
let retryMs = 500;
let heardCount = 0;

function svg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

// --- the room ------------------------------------------------------------------------------------

function furnish() {
  for (let n = 0; n <= 12; n++) {
    svg('line', { x1: 130 + (700 / 12) * n, y1: 190, x2: 80 * n + (n - 6) * 31.7, y2: 1200 }, $('seams'));
  }
  for (const x of [190, 405, 620]) {
    const frame = svg('g', {}, $('windows'));
    svg('rect', { x, y: 40, width: 150, height: 104, rx: 6, fill: '#121a33', stroke: '#58628a', 'stroke-width': 5 }, frame);
    for (const [dx, dy, r] of [[28, 24, 1.6], [61, 52, 1.1], [96, 20, 1.8], [124, 66, 1.2], [40, 78, 1.4]]) {
      svg('circle', { cx: x + dx, cy: 40 + dy, r, fill: '#f6e8b8' }, frame);
    }
    svg('path', { d: `M${x + 75} 40v104M${x} 92h150`, stroke: '#58628a', 'stroke-width': 3 }, frame);
  }
}

/** Where on the drawing a place of the floor is; x and y from 0 (left, back) to 1 (right, front). */
function project({ x, y }) {
  const depth = y * y * 0.35 + y * 0.65;
  const half = 350 + 130 * depth;
  return { left: 480 + (x - 0.5) * 2 * half * 0.9, top: 232 + 340 * depth, size: 0.72 + 0.42 * depth };
}

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** A place of its own for a newcomer: of some that its name gives, the one farthest from everyone. */
function placeFor(id) {
  let best;
  for (let n = 0; n < 12; n++) {
    const seed = hash(`${id}/${n}`);
    const place = { x: 0.06 + 0.88 * ((seed % 997) / 997), y: 0.08 + 0.84 * (((seed >>> 10) % 991) / 991) };
    let room = Infinity;
    for (const other of people.values()) {
      room = Math.min(room, Math.hypot((place.x - other.x) * 1.6, place.y - other.y));
    }
    if (!best || room > best.room) best = { ...place, room };
  }
  return { x: best.x, y: best.y };
}

function drawPerson(id, role) {
  const group = svg('g', { class: id === me ? 'person me' : 'person', 'data-agent': id });
  const hue = hash(id) % 360;
  svg('ellipse', { cx: 0, cy: 2, rx: 25, ry: 8, fill: 'rgb(40 24 8 / 35%)' }, group);
  svg('path', { d: 'M-19 0C-19 -36 -13 -46 0 -46S19 -36 19 0C12 5 -12 5 -19 0Z', fill: `hsl(${hue} 52% 48%)` }, group);
  svg('circle', { cx: 0, cy: -58, r: 17, fill: `hsl(${(hue + 25) % 360} 60% 82%)` }, group);
  svg('path', { d: 'M-17 -60A17 17 0 0 1 17 -60C10 -68 -8 -70 -17 -60Z', fill: `hsl(${hue} 45% 28%)` }, group);
  for (const x of [-6, 6]) svg('circle', { cx: x, cy: -56, r: 2.1, fill: '#2a211a' }, group);
  svg('path', { d: 'M-5 -49Q0 -45 5 -49', fill: 'none', stroke: '#2a211a', 'stroke-width': 1.6, 'stroke-linecap': 'round' }, group);
  const name = svg('text', { class: 'name', y: 22, 'text-anchor': 'middle' }, group);
  name.textContent = id.length > 22 ? `${id.slice(0, 21)}…` : id;
  const title = svg('title', {}, group);
  title.textContent = `${id} (${role})`;
  return group;
}

function moveTo(person) {
  const { left, top, size } = project(person);
  person.group.style.transform = `translate(${left}px, ${top}px) scale(${size})`;
}

function arrive(id, role) {
  people.get(id)?.group.remove();
  const person = { ...(people.get(id) ?? placeFor(id)), role, group: drawPerson(id, role) };
  people.set(id, person);
  moveTo(person);
  arrange();
}

function depart(id) {
  people.get(id)?.group.remove();
  people.delete(id);
  hush(id);
  arrange();
}

/** Who stands in front is drawn last. */
function arrange() {
  $('people').append(...[...people.values()].sort((a, b) => a.y - b.y).map((person) => person.group));
  $('empty').style.display = people.size ? 'none' : '';
}

// --- what is said ----------------------------------------------------------------------------------

function hush(id) {
  const bubble = bubbles.get(id);
  if (!bubble) return;
  clearTimeout(bubble.timer);
  bubble.group.remove();
  bubbles.delete(id);
}

/** Where a bubble covers least of the other bubbles and of the faces, without going far from its speaker. */
function roomFor(id, { left, tip, width, height }) {
  const taken = [...bubbles.values()].map(({ box }) => ({ ...box, weight: 1 }));
  for (const [other, person] of people) {
    if (other === id) continue;
    const at = project(person);
    taken.push({ x: at.left - 22, y: at.top - 78 * at.size, width: 44, height: 60, weight: 0.5 });
  }
  const reach = Math.max(width / 2 - 24, 0);
  let best;
  for (const rise of [0, 30, 60, 90, 120]) {
    for (const aside of [0, -0.5, 0.5, -1, 1]) {
      const x = Math.min(Math.max(left - width / 2 + aside * reach, 8), 952 - width);
      const y = Math.max(tip - height - 12 - rise, 6);
      let cost = rise + Math.abs(aside) * 12;
      for (const it of taken) {
        const across = Math.min(x + width, it.x + it.width) - Math.max(x, it.x) + 6;
        const down = Math.min(y + height, it.y + it.height) - Math.max(y, it.y) + 6;
        if (across > 0 && down > 0) cost += across * down * it.weight;
      }
      if (!best || cost < best.cost) best = { x, y, width, height, cost };
    }
  }
  return { ...best, tip: Math.max(tip, best.y + height + 8) };
}

function speak(id, text, kind, seconds) {
  const person = people.get(id);
  if (!person) return;
  hush(id);
  const { left, top, size } = project(person);
  const group = svg('g', { class: `bubble ${kind}`, 'data-agent': id }, $('bubbles'));
  const holder = svg('foreignObject', { width: BUBBLE.width, height: 300 }, group);
  const said = document.createElement('div');
  said.className = 'said';
  said.textContent = text.length > 160 ? `${text.slice(0, 159)}…` : text;
  holder.append(said);
  const box = roomFor(id, { left, tip: top - 80 * size, width: said.offsetWidth, height: said.offsetHeight });
  holder.setAttribute('x', box.x - (BUBBLE.width - box.width) / 2);
  holder.setAttribute('y', box.y);
  holder.setAttribute('height', box.height + 12);
  const foot = box.y + box.height - 2;
  const middle = Math.min(Math.max(left, box.x + 20), box.x + box.width - 20);
  const fill = kind === 'thought' ? '#e9ecfb' : '#fffdf7';
  svg('path', { d: `M${middle - 8} ${foot}L${left} ${box.tip}L${middle + 8} ${foot}Z`, fill }, group);
  const timer = setTimeout(() => {
    group.classList.add('fading');
    bubbles.get(id).timer = setTimeout(hush, 400, id);
  }, seconds * 1000);
  bubbles.set(id, { group, box, timer });
}

function note(who, text, quiet = false) {
  const line = document.createElement('li');
  if (quiet) line.className = 'quiet';
  const name = document.createElement('b');
  name.textContent = who;
  line.append(name, ` ${text}`);
  $('heard').prepend(line);
  while ($('heard').children.length > LOG_LINES) $('heard').lastChild.remove();
}

// --- the wire --------------------------------------------------------------------------------------

const number = (value, otherwise) => (typeof value === 'number' && value > 0 ? value : otherwise);

const handlers = {
  connection_ack(message, data) {
    for (const agent of data.agents ?? []) arrive(agent.agent_id, agent.role);
    if (data.agent_id) {
      arrive(data.agent_id, data.role);
      show('open', `connected as ${data.agent_id}`);
    }
  },
  agent_joined(message, data) {
    arrive(message.agent_id, data.role ?? 'agent');
    note(message.agent_id, 'has come in', true);
  },
  agent_left(message) {
    depart(message.agent_id);
    note(message.agent_id, 'has left', true);
  },
  bark(message, data) {
    heard(message, data, 'bark');
  },
  thought(message, data) {
    heard(message, data, 'thought');
  },
  agent_move(message, data) {
    const person = people.get(message.agent_id ?? message.agentId);
    if (!person) return;
    for (const axis of ['x', 'y']) {
      if (typeof data[axis] === 'number') person[axis] = Math.min(Math.max(data[axis], 0), 1);
    }
    moveTo(person);
    arrange();
  },
  error(message, data) {
    note('gateway', `${data.code}: ${data.message}`, true);
  },
};

function heard(message, data, kind) {
  const id = message.agent_id ?? message.agentId ?? 'somebody';
  if (typeof data.text !== 'string') return;
  $('count').textContent = String(++heardCount);
  speak(id, data.text, kind, number(data.ttl_seconds, BUBBLE.seconds));
  note(id, data.text);
}

function show(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text;
}

function register() {
  socket.send(JSON.stringify({ type: 'agent_register', agentId: me, role: 'visitor' }));
}

function connect() {
  show('connecting', 'connecting');
  socket = new WebSocket(gateway);
  socket.onopen = () => {
    retryMs = 500;
    register();
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    handlers[message.type]?.(message, message.data ?? {});
  };
  socket.onclose = ({ code, reason }) => {
    for (const id of [...people.keys()]) depart(id);
    show('closed', reason || `not connected (${code})`);
    if (code === 4409) return; // somebody else is this name now
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, 15000);
  };
}

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  if ($('name').value !== me) {
    depart(me);
    me = $('name').value;
    register();
  }
  const text = $('text').value;
  socket.send(JSON.stringify({ type: 'bark', agent_id: me, data: { text }, ts: Date.now() / 1000 }));
  speak(me, text, 'bark', BUBBLE.seconds);
  note(me, text);
  $('text').value = '';
});

$('where').textContent = `the world “${world}”`;
$('name').value = me;
furnish();
connect();
