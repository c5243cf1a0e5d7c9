// A world client on the npm package `ws`, with promises for what it hears.

import { once } from 'node:events';
import WebSocket from 'ws';

const PATIENCE_MS = 20_000;

export class Client {
  constructor(url, options = {}, protocols = []) {
    this.socket = new WebSocket(url, protocols, options);
    this.texts = [];
    this.waiting = [];
    this.binary = 0;
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.end = { code, reason: reason.toString() };
        resolve(this.end);
        this.waiting.splice(0).forEach(({ reject }) => reject(new Error(`closed with ${code} ${reason}`)));
      });
    });
    this.socket.on('message', (data, isBinary) => {
      this.binary += isBinary ? 1 : 0;
      const waiter = this.waiting.shift();
      if (waiter) waiter.resolve(data.toString());
      else this.texts.push(data.toString());
    });
    this.socket.on('error', () => {}); // `close` follows
  }

  static async open(url, options) {
    const client = new Client(url, options);
    await Promise.race([
      once(client.socket, 'open'),
      client.closed.then(() => Promise.reject(new Error(`${url}: closed before it was open`))),
    ]);
    client.greeting = await client.next();
    return client;
  }

  text() {
    if (this.texts.length > 0) return Promise.resolve(this.texts.shift());
    if (this.end) return Promise.reject(new Error(`closed with ${this.end.code} ${this.end.reason}`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('waited for a message')), PATIENCE_MS);
      const done = (settle) => (value) => (clearTimeout(timer), settle(value));
      this.waiting.push({ resolve: done(resolve), reject: done(reject) });
    });
  }

  async next() {
    return JSON.parse(await this.text());
  }

  send(message) {
    this.socket.send(typeof message === 'object' && !Buffer.isBuffer(message) ? JSON.stringify(message) : message);
  }

  /** What was there to be heard before the pong of a ping sent now. */
  async barrier() {
    this.send({ type: 'ping' });
    const heard = [];
    for (;;) {
      const message = await this.next();
      if (message.type === 'pong') return heard;
      heard.push(message);
    }
  }

  async register(agentId, members = {}) {
    this.send({ type: 'agent_register', agentId, ...members });
    return this.next();
  }
}
