/**
 * `npm run setup:e2e`: what the full suite needs beyond Node, Git and Python. Installs what is missing where this user may,
 * else says it in one line for each tool; the tests that need it are then skipped.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { helmProgram, installHelm } from './lib/helm.ts';
import { aptInstall, installer, isThere, pipInstall, rsyncFolder, tools } from './lib/tools.ts';
import { hasVenv, makeVenv, venvs } from './lib/venvs.ts';
import { installVersitygw, versitygwProgram } from './lib/versitygw.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const missing = tools.filter((tool) => !isThere(tool));
const prefix = installer();
if (missing.length === 0) console.log(`Everything is there: ${tools.map((tool) => tool.name).join(', ')}.`);
else if (prefix) {
  const packages = missing.flatMap((tool) => tool.packages);
  console.log(`Installing ${packages.join(', ')} ...`);
  const problem = aptInstall(prefix, packages);
  if (problem) console.error(`apt-get failed: ${problem}`);
}
for (const tool of missing) {
  if (tool.requirements && !isThere(tool)) {
    const problem = pipInstall(tool.requirements);
    if (problem) console.error(`pip failed: ${problem}`);
  }
  if (isThere(tool)) console.log(`${tool.name}: installed.`);
  else if (tool.name === 'rsync' && rsyncFolder(root)) console.log('rsync: unpacked into .tools/, without root.');
  else console.error(`${tool.name} is missing (${tool.why}); install ${tool.packages.join(' ')} to have it.`);
}
for (const venv of venvs) {
  if (hasVenv(root, venv)) continue;
  const problem = makeVenv(root, venv);
  if (problem === null) console.log(`${venv.name}: installed.`);
  else console.error(`${venv.name} is missing (${venv.why}): ${problem}`);
}
if (helmProgram(root) === null) {
  const problem = installHelm(root);
  if (problem === null) console.log('helm: installed.');
  else console.error(`helm is missing (the chart of Control Tower is rendered with it): ${problem}`);
}
if (versitygwProgram(root) === null) {
  const problem = installVersitygw(root);
  if (problem === null) console.log('versitygw: installed.');
  else console.error(`versitygw is missing (DAGs are delivered to a bucket of it): ${problem}`);
}
