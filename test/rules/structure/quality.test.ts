import { testRule } from '../../helpers/rule.ts';

testRule('quality-linter', {
  accept: [
    { 'a.py': '', 'pyproject.toml': '[tool.ruff]\nline-length = 100\n' },
    { 'a.py': '', 'setup.cfg': '[flake8]\nmax-line-length = 100\n' },
    { 'a.py': '', '.pre-commit-config.yaml': 'repos:\n- repo: https://github.com/psf/black\n' },
    { 'a.R': '', '.lintr': 'linters: linters_with_defaults()\n' },
  ],
  reject: [
    [
      { 'a.py': '', 'pyproject.toml': '[project]\nname = "x"\n' },
      { path: 'pyproject.toml', says: 'Python' },
    ],
    [
      { 'a.R': '', 'b.py': '' },
      { path: '.lintr', says: 'R code' },
      { path: 'pyproject.toml', says: 'Python' },
    ],
  ],
  leave: [[{ 'a.sql': '' }, 'not-applicable', 'no Python or R']],
});

testRule('quality-type-checker', {
  accept: [
    { 'a.py': '', 'mypy.ini': '[mypy]\n' },
    { 'a.py': '', 'pyproject.toml': '[tool.pyright]\n' },
  ],
  reject: [[{ 'a.py': '', 'pyproject.toml': '[project]\ndescription = "a type of model"\n' }, { path: 'pyproject.toml' }]],
  leave: [[{ 'a.R': '' }, 'not-applicable', 'no Python']],
});

testRule('quality-pre-commit', {
  accept: [{ '.pre-commit-config.yaml': 'repos: []\n' }, { 'lefthook.yml': 'x: 1\n' }],
  reject: [[{ 'a.py': '' }, { path: '.pre-commit-config.yaml' }]],
});

testRule('quality-coverage', {
  accept: [
    { 'a.py': '', 'pyproject.toml': '[tool.coverage.run]\nbranch = true\n' },
    { 'a.py': '', '.gitlab-ci.yml': 't:\n  script: pytest --cov=risk\n' },
    { 'a.R': '', DESCRIPTION: 'Package: x\nSuggests: covr\n' },
    { 'a.R': '', 'tests/coverage.R': 'library(covr)\n' },
  ],
  reject: [
    [{ 'a.py': '' }, { path: 'pyproject.toml' }],
    [{ 'a.R': '' }, { path: 'DESCRIPTION' }],
  ],
  leave: [[{ 'a.sql': '' }, 'not-applicable', 'no Python or R']],
});
