/** `npm run new -- check|component|command NAME`: writes the files of a new one from `scripts/new-files/`, then generates the lists. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import Handlebars from 'handlebars';

const usage = `Usage:
  npm run new -- check SECTION/NAME     a rule of the structure suite: layout/layout-no-data
  npm run new -- check data-3-cost      a probe of the ML Test Score, by the id of its test
  npm run new -- component NAME
  npm run new -- command NAME`;

interface Plan {
  readonly values: Readonly<Record<string, string>>;
  /** Path of the new file -> its template. */
  readonly files: Readonly<Record<string, string>>;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function planCheck(name: string): Plan {
  const probe = /^(data|model|infra|monitor)-[1-7]-[a-z0-9-]+$/.exec(name);
  if (!probe && !/^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/.test(name))
    fail(`${name} is neither SECTION/NAME nor the id of a test of the rubric with a name\n${usage}`);
  const folder = probe ? `ml-test-score/${probe[1] === 'monitor' ? 'monitoring' : probe[1]}/${name}` : `structure/${name}`;
  return {
    values: { name: basename(name), folder },
    files: { [`rules/${folder}.ts`]: 'check/check.ts', [`test/rules/${folder}.test.ts`]: 'check/check.test.ts' },
  };
}

const plans: Readonly<Record<string, (name: string) => Plan>> = {
  check: planCheck,
  component: (name) => ({
    values: { name },
    files: {
      [`components/${name}/component.ts`]: 'component/component.ts',
      [`components/${name}/about.md`]: 'component/about.md',
      [`components/${name}/example.gitlab-ci.yml`]: 'component/example.gitlab-ci.yml',
    },
  }),
  command: (name) => ({ values: { name }, files: { [`src/cli/commands/${name}.ts`]: 'command/command.ts' } }),
};

const [kind = '', name = ''] = process.argv.slice(2);
const plan = Object.hasOwn(plans, kind) ? plans[kind] : undefined;
if (!plan || !/^[a-z][a-z0-9/-]*$/.test(name)) fail(usage);
const { values, files } = plan(name);
const taken = Object.keys(files).filter((path) => existsSync(path));
if (taken.length > 0) fail(`There already: ${taken.join(', ')}`);
for (const [path, template] of Object.entries(files)) {
  const source = await readFile(new URL(`new-files/${template}.hbs`, import.meta.url), 'utf8');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Handlebars.compile(source, { strict: true, noEscape: true })(values));
  console.log(`wrote ${path}`);
}
if (kind === 'check') console.log('List it in the suite.yml of its suite: weight and severity stand there.');
process.exitCode = spawnSync('npm', ['run', '-s', 'generate'], { stdio: 'inherit' }).status ?? 1;
