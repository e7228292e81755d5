import { testRule } from '../../helpers/rule.ts';

const hash = `--hash=sha256:${'a'.repeat(64)}`;

testRule('dependencies-pinned-python', {
  accept: [
    { 'a.py': '', 'pyproject.toml': '', 'uv.lock': 'version = 1' },
    {
      'a.py': '',
      'requirements.txt': `# pinned\npandas==2.2.3 \\\n    ${hash}\nnumpy[extra] == 1.26.4 ; python_version >= "3.9"\n-e .\n-r more.txt\n`,
    },
    { 'a.py': '', 'requirements.txt': `tool @ git+https://example.com/x.git@${'b'.repeat(40)}\n` },
    { 'a.py': '', 'environment.yml': 'name: x\ndependencies:\n  - python=3.11\n  - pandas=2.2\n  - pip:\n    - tool==1.0\n' },
  ],
  reject: [
    [
      { 'a.py': '', 'requirements.txt': 'pandas>=2\nnumpy\nscipy==1.*\nfine==1.0\n' },
      { path: 'requirements.txt', line: 1, says: 'pandas>=2' },
      { path: 'requirements.txt', line: 2, says: 'numpy' },
      { path: 'requirements.txt', line: 3, says: 'scipy' },
    ],
    [
      { 'a.py': '', 'pyproject.toml': '[project]\nname = "x"' },
      { path: 'pyproject.toml', says: 'no lock file' },
    ],
    [
      { 'a.py': '', 'environment.yml': 'dependencies:\n  - pandas\n' },
      { path: 'environment.yml', line: 2, says: 'pandas' },
    ],
    [
      { 'a.py': '', 'requirements.txt': 'git+https://example.com/x.git@main#egg=x\n' },
      { path: 'requirements.txt', line: 1 },
    ],
  ],
  leave: [
    [{ 'a.R': '' }, 'not-applicable', 'no Python code'],
    [{ 'a.py': '' }, 'not-applicable', 'declares no Python dependencies'],
  ],
});

const renv = (packages: object) => JSON.stringify({ R: { Version: '4.3.2' }, Packages: packages });

testRule('dependencies-pinned-r', {
  accept: [{ 'a.R': 'library(dplyr)\n', 'renv.lock': renv({ dplyr: { Version: '1.1.4' } }) }],
  reject: [[{ 'R/a.R': '# library(x)\nlibrary("dplyr")\n' }, { path: 'R/a.R', line: 2, says: 'dplyr' }]],
  leave: [
    [{ 'a.R': 'library(stats)\n', 'tests/testthat.R': 'library(testthat)\n' }, 'not-applicable', 'no package beyond'],
    [{ 'a.py': '' }, 'not-applicable', 'no R code'],
  ],
});

const pyproject = '[project]\nname = "x"\ndependencies = [\n  "Pandas>=2",\n  "scikit_learn[x]",\n]\n';

testRule('dependencies-consistent', {
  accept: [
    { 'pyproject.toml': pyproject, 'uv.lock': '[[package]]\nname = "pandas"\n[[package]]\nname = "scikit-learn"\n' },
    {
      'pyproject.toml': '[tool.poetry.dependencies]\npython = "^3.11"\npandas = "^2"\n',
      'poetry.lock': '[[package]]\nname = "pandas"\n',
    },
    { DESCRIPTION: 'Package: x\nImports:\n    dplyr (>= 1.0),\n    stats\n', 'renv.lock': renv({ dplyr: { Version: '1.1.4' } }) },
  ],
  reject: [
    [
      { 'pyproject.toml': pyproject, 'uv.lock': '[[package]]\nname = "pandas"\n' },
      { path: 'pyproject.toml', line: 5, says: 'scikit-learn' },
    ],
    [
      { 'pyproject.toml': '[project\n', 'uv.lock': 'version = 1\n' },
      { path: 'pyproject.toml', line: 1, says: 'not valid TOML' },
    ],
    [
      { DESCRIPTION: 'Package: x\nImports: dplyr,\n  tidyr\n', 'renv.lock': renv({ dplyr: {} }) },
      { path: 'DESCRIPTION', line: 2, says: 'tidyr' },
    ],
    [{ 'renv.lock': '[1]' }, { path: 'renv.lock', line: 1, says: 'not the JSON' }],
  ],
  leave: [[{ 'pyproject.toml': pyproject }, 'not-applicable', 'no lock file']],
});

testRule('reproducibility-interpreter-pinned', {
  accept: [
    { 'a.py': '', '.python-version': '3.11\n' },
    { 'a.py': '', 'pyproject.toml': '[project]\nrequires-python = ">=3.11"\n' },
    { 'a.py': '', Dockerfile: 'FROM python:3.11-slim\n' },
    { 'a.py': '', 'python_env.yaml': 'python: "3.11"\n' },
    { 'a.R': '', 'renv.lock': renv({}) },
    { 'a.R': '', DESCRIPTION: 'Package: x\nDepends: R (>= 4.3)\n' },
    { 'a.R': '', Dockerfile: 'FROM rocker/r-ver:4.3.2\n' },
  ],
  reject: [
    [{ 'a.py': '', 'pyproject.toml': '[project]\nname = "python-thing"\n' }, { path: '.python-version' }],
    [{ 'a.R': '', DESCRIPTION: 'Package: x\nImports: dplyr (>= 1)\n' }, { path: 'DESCRIPTION' }],
  ],
  leave: [[{ 'a.txt': '' }, 'not-applicable', 'no Python or R']],
});

testRule('reproducibility-seeds', {
  accept: [
    { 'a.py': 'rng = np.random.default_rng(seed)\nx = np.random.normal(size=3)\n' },
    { 'a.R': 'set.seed(1)\nx <- rnorm(3)\n' },
  ],
  reject: [
    [{ 'a.py': 'import numpy as np\nx = np.random.normal(size=3)\n' }, { path: 'a.py', line: 2 }],
    [{ 'a.R': '# rnorm(\nx <- rnorm(3)\n' }, { path: 'a.R', line: 2 }],
    [{ 'a.Rmd': 'sample(x)\n```{r}\ny <- sample(x)\n```\n' }, { path: 'a.Rmd', line: 3 }],
  ],
  leave: [
    [{ 'a.py': 'resample(1)\n', 'tests/test_a.py': 'np.random.normal()\n' }, 'not-applicable', 'no random numbers'],
    [{ 'a.R': 'my_sample(x)\ndf$sample\n' }, 'not-applicable', 'no random numbers'],
  ],
});

const cell = (source: string, outputs = '') =>
  JSON.stringify(
    { cells: [{ cell_type: 'code', outputs: outputs ? [{ output_type: 'stream', text: [outputs] }] : [], source: [source] }] },
    null,
    1,
  );

testRule('reproducibility-no-absolute-paths', {
  accept: [
    {
      'a.py': 'p = "data/train.csv"\n# p = "/home/ada/x.csv"\nq = "/home/jovyan/work/x"\nr = "https://example.com/home/ada/x"\n',
    },
    { 'a.R': 'x <- read.csv(here::here("data", "x.csv"))\nsetwd("data")\n' },
    { 'a.ipynb': cell('x = 1', 'File "/home/ada/x.py"') },
  ],
  reject: [
    [{ 'a.py': 'x = 1\np = "/home/ada/data/x.csv"\n' }, { path: 'a.py', line: 2, says: '/home/ada/data' }],
    [{ 'a.py': 'p = r"C:\\Users\\ada\\x.csv"\n' }, { path: 'a.py', line: 1 }],
    [{ 'a.R': 'setwd("~/project")\n' }, { path: 'a.R', line: 1, says: 'setwd' }],
    [{ 'a.ipynb': cell('pd.read_csv("/Users/ada/x.csv")') }, { path: 'a.ipynb', line: 7 }],
  ],
  leave: [[{ 'README.md': '"/home/ada/x"' }, 'not-applicable', 'no Python, R or shell']],
});
