import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { ownPaths } from '../lib/texts.ts';

const scripts = /^(setup|conftest|noxfile|tasks|manage|wsgi|app|main|train|predict|__init__|test_\w+)\.py$/;

export default defineCheck({
  title: 'Source stands in a package or folder',
  why: 'A pile of scripts at the root cannot be imported by tests, by serving or by another model.',
  fix: 'Move the modules to src/<package>/ (Python) or R/ (R) and leave only entry points at the root.',
  reference: 'https://packaging.python.org/en/latest/discussions/src-layout-vs-flat-layout/',
  inputs: {
    'max-root-files': { type: 'number', description: 'Source files that may stand at the root, entry points apart.', default: 5 },
  },
  needs: ['files'],
  run({ files }, { 'max-root-files': limit }) {
    const python = ownPaths(files, ['**/*.py']);
    const r = ownPaths(files, ['**/*.R', '**/*.r']);
    if (python.length + r.length === 0) return notApplicable('the repo has no Python or R source files');
    const rootPython = python.filter((path) => !path.includes('/') && !scripts.test(path));
    const rootR = r.filter((path) => !path.includes('/'));
    const findings: Finding[] = [];
    const report = (root: readonly string[], home: string) => {
      const [path] = root;
      if (path !== undefined && root.length > limit)
        findings.push({
          message: `${root.length} source files stand at the root (${root.slice(0, 4).join(', ')}, …)`,
          fix: `Move them to ${home}.`,
          place: { path },
        });
    };
    report(rootPython, 'src/<package>/');
    report(rootR, 'R/');
    return judge(findings);
  },
});
