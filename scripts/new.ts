/** `npm run new -- check|component|command NAME`: the files of a new one, its test, and where it is listed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

type Files = Readonly<Record<string, string>>;

const usage = `Usage:
  npm run new -- check SECTION/NAME     a rule of the structure suite: layout/layout-no-data
  npm run new -- check data-3-cost      a probe of the ML Test Score, by the id of its test
  npm run new -- component NAME
  npm run new -- command NAME`;

const checkText = (needs: string): string => `import { defineCheck, judge } from '${needs}src/kernel/check.ts';

export default defineCheck({
  title: 'The repository has a README',
  why: 'Who cannot tell what a model is for will not dare to change it.',
  fix: 'Say what the model predicts, for whom, and how to train it.',
  inputs: { names: { type: 'array', description: 'Names that count.', default: ['README.md'] } },
  needs: ['files'],
  run: ({ files }, { names }) => judge(names.some((name) => files.has(name)) ? [] : [{ message: \`none of \${names.join(', ')} exists\` }]),
});
`;

const checkTest = (check: string): string => `import { describe, expect, it } from 'vitest';
import check from '${check}';

describe('${check.split('/').at(-1)}', () => {
  const files = (...paths: string[]) => ({ has: (path: string) => paths.includes(path) }) as Parameters<typeof check.run>[0]['files'];

  it('passes where the fact holds', async () =>
    expect(await check.run({ files: files('README.md') }, { names: ['README.md'] })).toMatchObject({ outcome: 'pass' }));

  it('fails where it does not', async () =>
    expect(await check.run({ files: files() }, { names: ['README.md'] })).toMatchObject({ outcome: 'fail' }));
});
`;

function checkFiles(name: string): Files {
  const probe = /^(data|model|infra|monitor)-[1-7]-[a-z0-9-]+$/.exec(name);
  const rule = /^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/.test(name);
  if (!probe && !rule) throw new Error(`${name} is neither SECTION/NAME nor the id of a test of the rubric with a name`);
  const folder = probe ? `ml-test-score/${probe[1] === 'monitor' ? 'monitoring' : probe[1]}/${name}` : `structure/${name}`;
  return {
    [`rules/${folder}.ts`]: checkText('../../../'),
    [`test/rules/${folder}.test.ts`]: checkTest(`../../../../rules/${folder}.ts`),
  };
}

const componentFiles = (name: string): Files => ({
  [`components/${name}/component.ts`]: `import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: 'Say in one sentence what it does.',
  jobs: { '${name}': { runner: 'check', reads: [], image: 'image', reports: { junit: 'check.junit.xml' } } },
});
`,
  [`components/${name}/about.md`]: `What \`${name}\` does, for whom, and what it leaves behind.\n`,
  [`components/${name}/example.gitlab-ci.yml`]: `include:\n  - component: $CI_SERVER_FQDN/mlops/flightcheck/${name}@1\n`,
});

const commandFiles = (name: string): Files => ({
  [`src/cli/commands/${name}.ts`]: `/** \`flightcheck ${name}\`: say here what it is for. */
import { exitCode } from '../../kernel/failure.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: '${name}',
  summary: 'Say in one sentence what it does.',
  options: [],
  examples: [{ command: 'flightcheck ${name}', meaning: 'What one gets.' }],
  async run(context) {
    context.print('${name}\\n');
    return exitCode.fine;
  },
});
`,
});

const [kind = '', name = ''] = process.argv.slice(2);
const makers: Readonly<Record<string, (name: string) => Files>> = {
  check: checkFiles,
  component: componentFiles,
  command: commandFiles,
};
const make = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
if (!make || !/^[a-z][a-z0-9/-]*$/.test(name)) {
  console.error(usage);
  process.exit(2);
}
const files = make(name);
const taken = Object.keys(files).filter((path) => existsSync(path));
if (taken.length > 0) {
  console.error(`There already: ${taken.join(', ')}`);
  process.exit(2);
}
for (const [path, text] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  console.log(`wrote ${path}`);
}
if (kind === 'check') console.log('List it in the suite.yml of its suite: weight and severity stand there.');
spawnSync('npm', ['run', '-s', 'generate'], { stdio: 'inherit' });
