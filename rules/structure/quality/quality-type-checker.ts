import { languagesOf } from '../../../src/facts/language.ts';
import { defineCheck, fail, notApplicable, pass } from '../../../src/kernel/check.ts';
import { joined } from '../lib/texts.ts';

export default defineCheck({
  title: 'Python code is checked by a type checker',
  why: 'A wrong shape or a None is found before the night’s training, not after it.',
  fix: 'Add [tool.mypy] or [tool.pyright] to pyproject.toml and run it in the pipeline.',
  reference: 'https://mypy.readthedocs.io/en/stable/config_file.html',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    if (!languagesOf(files.all.map((file) => file.path)).has('python')) return notApplicable('the repo has no Python code');
    if (files.glob(['mypy.ini', '.mypy.ini', 'pyrightconfig.json', '.pyre_configuration', 'pytype.cfg', 'ty.toml']).length > 0)
      return pass();
    const text = await joined(files, [
      'pyproject.toml',
      'setup.cfg',
      'tox.ini',
      '.pre-commit-config.yaml',
      '.gitlab-ci.yml',
      'Makefile',
      'noxfile.py',
      '.github/workflows/*.y*ml',
    ]);
    if (/\b(?:mypy|(?:based)?pyright|pytype|pyre|pyrefly|ty check)\b|\[tool\.ty\b/.test(text)) return pass();
    return fail([{ message: 'No type checker is configured', place: { path: 'pyproject.toml' } }]);
  },
});
