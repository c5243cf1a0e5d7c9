// Judges messages by a JSON Schema, with ajv: a judge that knows nothing of Parley.
//
// usage: node judge.mjs SCHEMA.json < MESSAGES
//
// Reads a message a line. Writes for each a line {"ok": true} or {"ok": false, "path": "/data/energy", "problem": …},
// by the first fault that ajv finds; a line that is not JSON is {"ok": false, "path": null, …}. A schema that is not
// valid itself, or has a keyword that 2020-12 does not have, ends the program.

import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const schema = JSON.parse(readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv2020({ strict: true });
const check = ajv.compile(schema);

function judge(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch (error) {
    return { ok: false, path: null, problem: error.message };
  }
  if (check(message)) {
    return { ok: true };
  }
  const [fault] = check.errors;
  return { ok: false, path: fault.instancePath, problem: fault.message };
}

const lines = readFileSync(0, "utf8").split("\n");
lines.pop(); // the last line ends in a newline, too
process.stdout.write(lines.map((line) => JSON.stringify(judge(line)) + "\n").join(""));
