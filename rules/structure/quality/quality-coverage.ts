import { languagesOf } from '../../../src/facts/language.ts';
import { defineCheck, fail, notApplicable, pass } from '../../../src/kernel/check.ts';
import { joined } from '../lib/texts.ts';

export default defineCheck({
  title: 'Test coverage is measured',
  why: 'Tests that never reach the feature code give comfort and nothing else.',
  fix: 'Python: add [tool.coverage.run] to pyproject.toml or --cov to pytest. R: use covr.',
  reference: 'https://coverage.readthedocs.io/en/latest/config.html',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const languages = languagesOf(files.all.map((file) => file.path));
    if (languages.size === 0) return notApplicable('the repo has no Python or R code');
    if (files.glob(['.coveragerc', '.covrignore', 'codecov.yml', '.codecov.yml', 'codecov.yaml']).length > 0) return pass();
    const text = await joined(files, [
      'pyproject.toml',
      'setup.cfg',
      'tox.ini',
      'pytest.ini',
      'noxfile.py',
      'Makefile',
      'justfile',
      'DESCRIPTION',
      'tests/*.R',
      '.gitlab-ci.yml',
      '.github/workflows/*.y*ml',
      'requirements*.txt',
    ]);
    if (
      /\[tool\.coverage|\[coverage:|--cov\b|pytest-cov|\bcoverage (?:run|xml|report)|-m coverage|\bcovr\b|coverage_report:/.test(
        text,
      )
    )
      return pass();
    return fail([
      {
        message: 'Nothing measures the coverage of the tests',
        place: { path: languages.has('python') ? 'pyproject.toml' : 'DESCRIPTION' },
      },
    ]);
  },
});
