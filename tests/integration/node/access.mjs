// usage: node access.mjs WS_URL TOKEN
// Coming in as a program in Node, and as a browser would, does: exits with 1 at the first difference.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { Client } from './client.mjs';

const [url, token] = process.argv.slice(2);
const header = (value) => ({ headers: { Authorization: value } });

async function open(address, protocols, options = {}) {
  const client = new Client(address, options, protocols);
  await once(client.socket, 'open');
  client.greeting = await client.next();
  return client;
}

/** The status and the error with which a handshake is refused. */
async function refused(address, protocols, options) {
  const socket = new WebSocket(address, protocols, options);
  socket.on('error', () => {});
  const [request, response] = await once(socket, 'unexpected-response');
  let body = '';
  for await (const part of response) body += part;
  request.destroy();
  return [response.statusCode, JSON.parse(body).error.code];
}

for (const [address, protocols, options] of [
  [url, [], header(`Bearer ${token}`)],
  [`${url}?token=${token}`, [], {}],
  [url, [`parley.bearer.${token}`, 'parley'], {}],
  [url, ['parley', `parley.bearer.${token}`], { origin: 'http://localhost:3000' }],
]) {
  const client = await open(address, protocols, options);
  assert.equal(client.greeting.data.auth_required, undefined);
  assert.equal(client.socket.protocol, protocols.length > 0 ? 'parley' : '');
  assert.equal((await client.register('timmy')).data.agent_id, 'timmy');
  client.socket.close(1000);
  await client.closed;
}

assert.deepEqual(await refused(url, [], header('Bearer wrong')), [401, 'AUTH_FAILED']);
assert.deepEqual(await refused(url, ['parley.bearer.wrong', 'parley'], {}), [401, 'AUTH_FAILED']);
assert.deepEqual(
  await refused(url, [`parley.bearer.${token}`, 'parley'], { origin: 'http://evil.example' }),
  [403, 'FORBIDDEN'],
);

const stranger = await open(url, []);
assert.equal(stranger.greeting.data.auth_required, true);
for (let n = 0; n < 5; n++) {
  stranger.send({ type: 'bark' });
  assert.equal((await stranger.next()).data.code, 'AUTH_REQUIRED');
}
assert.equal((await stranger.closed).code, 4401);

const late = await open(url, []);
assert.equal((await late.register('timmy', { token })).data.agent_id, 'timmy');
late.socket.close(1000);
await late.closed;
console.log('ok');
