// usage: node control.mjs GATEWAY_URL WORLD_URL
// Both dialects as programs in Node meet them: exits with 1 at the first difference.

import assert from 'node:assert/strict';
import { Client } from './client.mjs';

const [gatewayUrl, worldUrl] = process.argv.slice(2);

class Control {
  static async open() {
    const control = new Control();
    control.client = await Client.open(gatewayUrl);
    control.id = control.client.greeting.payload.sessionId;
    control.sent = 0;
    return control;
  }

  say(type, payload, more = {}) {
    const id = `msg-${++this.sent}-${Date.now()}`;
    this.client.send({ type, id, payload, timestamp: Date.now(), ...more });
    return id;
  }

  async ask(type, payload) {
    const id = this.say(type, payload);
    const answer = await this.client.next();
    assert.equal(answer.replyTo, id, JSON.stringify(answer));
    return answer;
  }

  /** What was there to be heard before the pong of a ping sent now. */
  async barrier() {
    const id = this.say('ping', {});
    const heard = [];
    for (;;) {
      const message = await this.client.next();
      if (message.replyTo === id) return heard;
      heard.push(message);
    }
  }
}

async function meets() {
  const [one, two] = [await Control.open(), await Control.open()];
  assert.match(one.id, /^c-[a-z2-7]{13}$/);
  const hello = await one.ask('connect', { deviceId: 'desk', role: 'control', protocolVersion: 2 });
  assert.deepEqual(Object.keys(hello).slice(0, 4), ['type', 'id', 'payload', 'timestamp']);
  assert.deepEqual(
    [hello.type, hello.payload.protocolVersion, hello.payload.protocolCompatible, hello.payload.server.connId],
    ['hello_ok', 2, true, one.id],
  );
  const { methods } = hello.payload.capabilities;
  assert.deepEqual(methods, [...methods].sort());
  const created = await one.ask('session_create', { sessionId: 'den', metadata: { n: 1 } });
  assert.deepEqual([created.payload.status, created.payload.members], ['created', [one.id]]);
  const joined = await two.ask('session_join', { sessionId: 'den' });
  assert.deepEqual([joined.payload.status, joined.payload.metadata], ['joined', { n: 1 }]);
  assert.equal((await one.client.next()).type, 'presence');
  return [one, two];
}

async function talks(one, two) {
  const text =
    '{"type":"chat","id":"m","sessionId":"den","payload":{"n":0.10,"e":1E2,"big":12345678901234567890,"u":"\\u00e9 é 😀"},"timestamp":1}';
  one.client.send(text);
  assert.equal(await two.client.text(), text.replace(/}$/, `,"source":"${one.id}"}`));
  one.client.send(Buffer.from(text));
  await two.client.text();
  assert.equal(two.client.binary, 0, 'text out, whatever came in');
  for (let n = 0; n < 500; n++) one.say('count', { n }, { sessionId: 'den' });
  assert.deepEqual(await one.barrier(), [], 'nobody hears itself');
  assert.deepEqual((await two.barrier()).map((message) => message.payload.n), [...Array(500).keys()]);
  one.say('hint', {}, { target: 'nobody' });
  assert.equal((await one.client.next()).payload.code, 'TARGET_NOT_FOUND');
}

async function crosses(one, two) {
  const timmy = await Client.open(worldUrl);
  await timmy.register('timmy');
  assert.equal((await one.ask('session_join', { sessionId: 'world:main' })).payload.status, 'joined');
  timmy.send({ type: 'bark', data: { text: 'hi' } });
  const bark = await one.client.next();
  assert.deepEqual(
    [bark.type, bark.sessionId, bark.source, bark.payload],
    ['bark', 'world:main', 'timmy', { type: 'bark', data: { text: 'hi' } }],
  );
  one.say('thought', { text: 'hm' }, { sessionId: 'world:main' });
  const thought = await timmy.next();
  assert.deepEqual([thought.type, thought.agent_id, thought.data], ['thought', one.id, { text: 'hm' }]);
  two.say('hint', { a: 1 }, { target: 'timmy' });
  assert.deepEqual((await timmy.next()).data, { a: 1 });
  timmy.send({ type: 'bark', target_id: two.id, data: {} });
  assert.equal((await two.client.next()).source, 'timmy');
  timmy.socket.terminate();
  const left = await one.client.next();
  assert.deepEqual([left.type, left.payload.agent_id, left.source], ['agent_left', 'timmy', 'gateway']);
  assert.deepEqual(await two.barrier(), []);
}

async function leaves(one, two) {
  two.client.socket.terminate();
  const gone = await one.client.next();
  assert.deepEqual([gone.type, gone.payload.status, gone.payload.deviceId], ['presence', 'offline', two.id]);
  assert.deepEqual(await one.barrier(), []);
  one.client.socket.close(1000);
  assert.equal((await one.client.closed).code, 1000);
}

const [one, two] = await meets();
await talks(one, two);
await crosses(one, two);
await leaves(one, two);
console.log('ok');
process.exit(0);
