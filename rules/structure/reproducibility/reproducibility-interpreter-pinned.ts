import { languagesOf } from '../../../src/facts/language.ts';
import { readDescription, readRenvLock } from '../../../src/facts/r-project.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import type { Files } from '../../../src/kernel/world.ts';
import { joined } from '../lib/texts.ts';

const containers = ['**/Dockerfile', '**/*.Dockerfile', '**/Dockerfile.*', '.gitlab-ci.yml', '.devcontainer/**'];

async function pinsPython(files: Files): Promise<boolean> {
  if (
    files.glob([
      '.python-version',
      'runtime.txt',
      '.tool-versions',
      'mise.toml',
      '.mise.toml',
      'uv.lock',
      'conda-lock.yml',
      'pixi.lock',
    ]).length > 0
  )
    return true;
  const setup = await joined(files, [
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
    'Pipfile',
    'environment.y*ml',
    'conda.y*ml',
    'python_env.y*ml',
    'MLproject',
    ...containers,
  ]);
  return /requires-python|python_requires|python_version|^\s*python\s*=|^\s*-?\s*["']?python\s*(?:[=<>~]|:\s*["']?\d)|(?:image:|FROM)[^\n]{0,200}\bpython:?3|name:[^\n]{0,200}\bpython:3|PYTHON_VERSION/m.test(
    setup,
  );
}

async function pinsR(files: Files): Promise<boolean> {
  if (files.glob(['.Rversion', '.R-version', 'rproject.toml', '.tool-versions']).length > 0) return true;
  const lock = await files.text('renv.lock', 16 * 2 ** 20);
  if (lock !== null && readRenvLock(lock)?.rVersion) return true;
  const depends = readDescription((await files.text('DESCRIPTION')) ?? '').get('Depends')?.value ?? '';
  if (/\bR\s*\(/.test(depends)) return true;
  return /\b(?:r-ver|r-base|r-minimal|tidyverse|rstudio|shiny|verse|geospatial|ml-verse|cuda):\d|r-base\s*=+\s*\d|R_VERSION/.test(
    await joined(files, [...containers, 'environment.y*ml', 'MLproject']),
  );
}

export default defineCheck({
  title: 'The version of the interpreter is fixed',
  why: 'Another Python or R changes random numbers, defaults and which packages install at all.',
  fix: 'Python: add .python-version or requires-python to pyproject.toml. R: renv.lock records it, or write Depends: R (>= 4.3) in DESCRIPTION.',
  reference: 'https://packaging.python.org/en/latest/specifications/pyproject-toml/#requires-python',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const languages = languagesOf(files.all.map((file) => file.path));
    if (languages.size === 0) return notApplicable('the repo has no Python or R code');
    const findings: Finding[] = [];
    if (languages.has('python') && !(await pinsPython(files)))
      findings.push({
        message: 'Nothing says which Python the model needs',
        fix: 'Add .python-version with one line such as 3.11.',
        place: { path: '.python-version' },
      });
    if (languages.has('r') && !(await pinsR(files)))
      findings.push({
        message: 'Nothing says which R the model needs',
        fix: 'Run renv::snapshot(), or add Depends: R (>= 4.3) to DESCRIPTION.',
        place: { path: 'DESCRIPTION' },
      });
    return judge(findings);
  },
});
