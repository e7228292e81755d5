/** `npm run setup:bench`: the peers that `npm run bench peers` compares with, from PyPI, under `.tools/`. No part of CI. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasVenv, makeVenv, type Venv } from './lib/venvs.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const peers: readonly Venv[] = ['evidently', 'deepchecks'].map((name) => ({
  ...{ name, program: 'python', requirements: `${name}.txt` },
  why: 'drift and data checks are compared with it',
}));

for (const peer of peers) {
  const problem = hasVenv(root, peer) ? null : makeVenv(root, peer);
  if (problem === null) console.log(`${peer.name}: installed.`);
  else console.error(`${peer.name} is missing (${peer.why}): ${problem}`);
}
