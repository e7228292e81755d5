import { languagesOf } from '../../../src/facts/language.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { joined } from '../lib/texts.ts';

const setups = {
  python: {
    files: ['ruff.toml', '.ruff.toml', '.flake8', '.pylintrc', 'pylintrc', '.style.yapf'],
    words:
      /^\s*\[tool\.(?:ruff|black|flake8|pylint|yapf|pycodestyle)\b|^\[(?:flake8|pylint|pycodestyle|yapf)\]|\b(?:ruff|black|flake8|pylint)\b/m,
    fix: 'Add [tool.ruff] to pyproject.toml.',
    where: 'pyproject.toml',
    name: 'Python',
  },
  r: {
    files: ['.lintr', '.lintr.R', 'air.toml', '.air.toml', 'jarl.toml'],
    words: /\b(?:lintr|styler|style-files|air)\b/,
    fix: 'Add .lintr with one line: linters: linters_with_defaults()',
    where: '.lintr',
    name: 'R',
  },
} as const;

/** Where a linter is switched on when it has no file of its own. */
const places = [
  'pyproject.toml',
  'setup.cfg',
  'tox.ini',
  '.pre-commit-config.yaml',
  '.gitlab-ci.yml',
  'Makefile',
  'justfile',
  'noxfile.py',
  '.github/workflows/*.y*ml',
  'package.json',
  'requirements*.txt',
  'requirements/*.txt',
  'Pipfile',
  'environment.y*ml',
  'DESCRIPTION',
];

export default defineCheck({
  title: 'A linter or formatter is configured',
  why: 'One style lets a reviewer read what the code does instead of how it is written.',
  fix: 'Python: add [tool.ruff] to pyproject.toml. R: add .lintr.',
  reference: 'https://docs.astral.sh/ruff/configuration/',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const languages = languagesOf(files.all.map((file) => file.path));
    if (languages.size === 0) return notApplicable('the repo has no Python or R code');
    const text = await joined(files, places);
    const findings: Finding[] = [];
    for (const language of languages) {
      const { files: names, words, fix, where, name } = setups[language];
      if (files.glob(names).length === 0 && !words.test(text))
        findings.push({ message: `No linter or formatter is configured for the ${name} code`, fix, place: { path: where } });
    }
    return judge(findings);
  },
});
