// usage: node world.mjs WS_URL
// The world as a program in Node meets it: exits with 1 at the first difference.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { Client } from './client.mjs';

const url = process.argv[2];
const bark = (text, more = {}) => ({ type: 'bark', agent_id: 'x', data: { text }, ...more });

async function registers() {
  const [timmy, watcher] = [await Client.open(url), await Client.open(url)];
  assert.equal(timmy.greeting.type, 'connection_ack');
  assert.match(timmy.greeting.data.client_id, /^c-[a-z2-7]{13}$/);
  assert.equal(timmy.greeting.data.protocol, 1);
  const ack = await timmy.register('timmy', { role: 'guide', mood: 'glad' });
  assert.deepEqual([ack.type, ack.data.agent_id, ack.data.role], ['connection_ack', 'timmy', 'guide']);
  const joined = await watcher.next();
  assert.deepEqual(
    [joined.type, joined.agentId, joined.agent_id, joined.role, joined.data.mood],
    ['agent_joined', 'timmy', 'timmy', 'guide', 'glad'],
  );
  return [timmy, watcher];
}

async function barks(timmy, watcher) {
  const odd = '{ "type":"bark",\t"n":0.10,"e":1E2,"big":12345678901234567890,"u":"\\u00e9 é 😀"}';
  timmy.send(odd);
  assert.equal(await watcher.text(), odd);
  timmy.send(Buffer.from(odd));
  assert.equal(await watcher.text(), odd);
  assert.equal(watcher.binary, 0, 'text out, whatever came in');
  for (let n = 0; n < 1000; n++) timmy.send(bark('counting', { n }));
  assert.deepEqual(await timmy.barrier(), [], 'nobody hears itself');
  assert.deepEqual((await watcher.barrier()).map((message) => message.n), [...Array(1000).keys()]);
  const large = bark('x'.repeat(900_000));
  timmy.send(large);
  assert.deepEqual(await watcher.next(), large);
  timmy.socket.send('{"type":"bark",', { fin: false });
  timmy.socket.send('"n":7}', { fin: true });
  assert.equal(await watcher.text(), '{"type":"bark","n":7}');
}

async function directs(timmy, watcher) {
  const other = await Client.open(`${url}?world=attic`);
  other.send(bark('over here', { target_id: 'timmy' }));
  assert.equal((await timmy.next()).data.text, 'over here');
  timmy.send(bark('back', { targetId: other.greeting.data.client_id }));
  assert.equal((await other.next()).data.text, 'back');
  timmy.send(bark('?', { target_id: 'nobody' }));
  const error = await timmy.next();
  assert.deepEqual([error.type, error.agent_id, error.data.code], ['error', 'gateway', 'TARGET_NOT_FOUND']);
  assert.deepEqual(await watcher.barrier(), []);
  other.socket.close(1000);
  assert.equal((await other.closed).code, 1000);
}

async function pings(timmy) {
  timmy.socket.ping('are you there');
  const [data] = await once(timmy.socket, 'pong');
  assert.equal(data.toString(), 'are you there');
}

async function closes(timmy, watcher) {
  const newer = await Client.open(url);
  await newer.register('timmy');
  const end = await timmy.closed;
  assert.equal(end.code, 4409);
  assert.notEqual(end.reason, '');
  assert.equal((await watcher.next()).type, 'agent_joined');
  newer.socket.close(4999, 'bye');
  assert.ok([4999, 1000].includes((await newer.closed).code));
  const left = await watcher.next();
  assert.deepEqual([left.type, left.agent_id], ['agent_left', 'timmy']);
  const gone = await Client.open(url);
  await gone.register('gone');
  assert.equal((await watcher.next()).type, 'agent_joined');
  gone.socket.terminate();
  assert.deepEqual((await watcher.next()).type, 'agent_left');
}

async function violates(code, makeBad) {
  const bad = await Client.open(url);
  makeBad(bad.socket);
  assert.equal((await bad.closed).code, code);
}

async function isRefused(target, status, options) {
  const socket = new WebSocket(target, options);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  assert.equal(response.statusCode, status, target);
  response.destroy();
}

const [timmy, watcher] = await registers();
await barks(timmy, watcher);
await directs(timmy, watcher);
await pings(timmy);
await closes(timmy, watcher);
await violates(1007, (socket) => socket._socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])));
await violates(1002, (socket) => socket._socket.write(Buffer.from([0x81, 0x01, 0x7b])));
await violates(1009, (socket) => socket.send(Buffer.alloc(10 * 1024 * 1024 + 1, 'x')));
await isRefused(url.replace('/ws/matrix', '/nothing'), 404);
await isRefused(url, 403, { origin: 'http://evil.example' });
await isRefused(url, 426, { protocolVersion: 8 });
assert.deepEqual(await watcher.barrier(), [], 'none of this was heard');
const parley = await Client.open(url, {});
assert.equal(parley.socket.extensions, '', 'compression is off unless it is asked for in the settings');
parley.socket.close();
watcher.socket.close();
console.log('ok');
process.exit(0);
