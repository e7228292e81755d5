import { pythonLockFiles, rLockFiles } from '../../src/facts/lock-files.ts';
import { parseRequirements } from '../../src/facts/requirements.ts';
import { type Finding, fail, judge, notApplicable, pass, type Verdict } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import type { Files } from '../../src/kernel/world.ts';
import { anyOf, capped } from './lib/findings.ts';

const requirementFiles = ['requirements.txt', 'requirements/*.txt', 'requirements.lock', 'requirements-lock.txt'];
const condaFiles = ['environment.yml', 'environment.yaml', 'conda.yml', 'conda.yaml'];
const pythonDeclarations = ['pyproject.toml', 'setup.py', 'setup.cfg', 'Pipfile', ...requirementFiles, ...condaFiles];

/** Conda's own list: `name=1.2` fixes enough to be found again; a bare name or a range does not. */
async function looseConda(files: Files, path: string): Promise<Finding[]> {
  const lines = ((await files.text(path)) ?? '').split(/\r?\n/);
  const start = lines.findIndex((line) => /^dependencies:/.test(line));
  return lines.flatMap((line, index): Finding[] => {
    const entry = index > start && start >= 0 ? /^\s*-\s*["']?([\w.-]+(?:::[\w.-]+)?)\s*([^"'#]*)/.exec(line) : null;
    if (!entry || /^(pip|python|pip:)$/.test(entry[1] ?? '') || /^=|^==/.test(entry[2]?.trim() ?? '') || /:\s*$/.test(line))
      return [];
    return [{ message: `${entry[1]} is not fixed to a version`, place: { path, line: index + 1 } }];
  });
}

async function judgePython(files: Files, needsHashes: boolean): Promise<Verdict> {
  const lock = files.glob([...pythonLockFiles])[0];
  if (lock !== undefined) return pass({ explanation: `${lock} fixes every version.` });
  if (files.glob(pythonDeclarations).length === 0) return notApplicable('the repo declares no Python dependencies');
  const lists = files.glob(requirementFiles);
  const conda = files.glob(condaFiles);
  if (lists.length + conda.length === 0)
    return fail([
      {
        message: `Dependencies are declared, but no lock file fixes them (${anyOf([...pythonLockFiles])})`,
        place: { path: files.glob(pythonDeclarations)[0] ?? 'pyproject.toml' },
      },
    ]);
  const findings: Finding[] = [];
  for (const path of lists)
    for (const each of parseRequirements((await files.text(path)) ?? '')) {
      if (!each.isPinned)
        findings.push({ message: `${each.name}${each.version} is not fixed to one version`, place: { path, line: each.line } });
      else if (needsHashes && !each.hasHash)
        findings.push({ message: `${each.name} has no hash`, place: { path, line: each.line } });
    }
  for (const path of conda) findings.push(...(await looseConda(files, path)));
  return judge(capped(findings, 'dependencies'));
}

async function judgeR(files: Files): Promise<Verdict> {
  const lock = files.glob([...rLockFiles])[0];
  if (lock !== undefined) return pass({ explanation: `${lock} fixes every version.` });
  // Packages are what a lock fixes: code that attaches none needs none.
  const sources = files
    .glob(['**/*.R', '**/*.r', '**/*.Rmd', '**/*.qmd'])
    .filter((path) => !/(^|\/)(tests?|docs|man)\//.test(path));
  for (const path of sources) {
    const text = (await files.text(path)) ?? '';
    const used = /^[^#\n]*?\b(?:library|require|requireNamespace|loadNamespace)\(\s*["']?([A-Za-z][\w.]*)/m.exec(text);
    if (used && !/^(stats|utils|methods|tools|parallel|grDevices|graphics|datasets|splines|compiler|base)$/.test(used[1] ?? ''))
      return fail([
        {
          message: `The package ${used[1]} is used, but no lock file fixes its version (${anyOf([...rLockFiles])})`,
          place: { path, line: text.slice(0, used.index + used[0].length).split('\n').length },
        },
      ]);
  }
  return notApplicable('the R code attaches no package beyond those that come with R');
}

export default defineKind({
  summary: 'Every dependency is fixed to one version by a lock file or an exact list.',
  inputs: {
    language: { type: 'string', description: 'Whose dependencies.', options: ['python', 'r'] },
    hashes: { type: 'boolean', description: 'Python requirements files must carry hashes as well.', default: false },
  },
  needs: ['files'],
  run: ({ files }, { language, hashes }) => (language === 'python' ? judgePython(files, hashes) : judgeR(files)),
});
