import { lockedPythonNames } from '../../../src/facts/lock-files.ts';
import { readPyproject } from '../../../src/facts/python-project.ts';
import { rDependencies, readRenvLock } from '../../../src/facts/r-project.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import type { Files } from '../../../src/kernel/world.ts';
import { capped } from '../../kinds/lib/findings.ts';

const lockBytes = 16 * 2 ** 20;

/** Null when there is nothing to compare. */
async function python(files: Files): Promise<Finding[] | null> {
  const lock = files.glob(['uv.lock', 'poetry.lock', 'pdm.lock'])[0];
  const source = await files.text('pyproject.toml');
  if (lock === undefined || source === null) return null;
  const project = readPyproject(source);
  if (project.problem)
    return [
      {
        message: `pyproject.toml is not valid TOML: ${project.problem.message}`,
        place: { path: 'pyproject.toml', line: project.problem.line },
      },
    ];
  const locked = lockedPythonNames(lock, (await files.text(lock, lockBytes)) ?? '');
  if (locked === null) return [{ message: `${lock} cannot be read as a lock file`, place: { path: lock, line: 1 } }];
  return project.dependencies
    .filter((each) => !locked.has(each.name))
    .map((each) => ({
      message: `${each.name} is declared, but ${lock} does not hold it`,
      place: { path: 'pyproject.toml', line: each.line },
    }));
}

async function r(files: Files): Promise<Finding[] | null> {
  const description = await files.text('DESCRIPTION');
  const source = await files.text('renv.lock', lockBytes);
  if (source === null) return null;
  const lock = readRenvLock(source);
  if (lock === null) return [{ message: 'renv.lock is not the JSON that renv writes', place: { path: 'renv.lock', line: 1 } }];
  if (description === null) return [];
  return rDependencies(description)
    .filter((each) => !lock.packages.has(each.name))
    .map((each) => ({
      message: `${each.name} is declared, but renv.lock does not hold it`,
      place: { path: 'DESCRIPTION', line: each.line },
    }));
}

export default defineCheck({
  title: 'The lock file holds what is declared',
  why: 'A lock that lags behind installs yesterday’s dependencies or fails on the next machine.',
  fix: 'Run uv lock, poetry lock or renv::snapshot() and commit the result.',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const found = [await python(files), await r(files)].filter((each) => each !== null);
    if (found.length === 0) return notApplicable('the repo has no lock file of uv, poetry, pdm or renv');
    return judge(capped(found.flat(), 'dependencies'));
  },
});
