// usage: node drive.mjs   (one command a line of JSON on standard input, one answer a line on standard output)
//
// Chromium under playwright-core, driven from a test in another language:
//   {"do":"open","url":U}  {"do":"wait","code":JS}  {"do":"eval","code":JS}
//   {"do":"fill","selector":S,"text":T}  {"do":"click","selector":S}  {"do":"shot","path":P}
// Answers: {"value":…} or {"error":"…"}. The end of the input closes the browser.

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const PATIENCE_MS = 20_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
page.setDefaultTimeout(PATIENCE_MS);
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));

// Asked from here again and again: a page that forbids eval does not let it be watched from inside.
async function wait({ code }) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await page.evaluate(code))) {
    if (Date.now() > deadline) throw new Error(`not so in time: ${code}`);
    await page.waitForTimeout(20);
  }
  return true;
}

const deeds = {
  open: ({ url }) => page.goto(url).then(() => null),
  wait,
  eval: ({ code }) => page.evaluate(code),
  fill: ({ selector, text }) => page.fill(selector, text).then(() => null),
  click: ({ selector }) => page.click(selector).then(() => null),
  shot: ({ path }) => page.screenshot({ path }).then(() => path),
  complaints: () => complaints,
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { value: await deeds[command.do](command) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
