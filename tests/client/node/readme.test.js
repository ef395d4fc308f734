// The README's examples print what they say.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Server } from './server.js';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

const readme = readFileSync(join(process.env.TREDUCE_SOURCE, 'client/node/README.md'), 'utf8');

test('examples', () => {
  const blocks = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block);
  assert.ok(blocks.length > 3);
  // One module, since they go on from one to the next; comments at the ends of lines say what is printed.
  const program = blocks.join('\n').replaceAll('localhost:50051', server.address);
  writeFileSync('readme.mjs', program);
  const printed = execFileSync(process.execPath, ['readme.mjs'], { encoding: 'utf8', timeout: 60_000 });
  const said = [...program.matchAll(/^ *console\.log\(.*\); +\/\/ (.*)$/gm)].map(([, text]) => text);
  assert.ok(said.length > 8);
  assert.deepEqual(printed.trimEnd().split('\n'), said);
  rmSync('readme.mjs');
});
