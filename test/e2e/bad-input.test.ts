/**
 * The whole rubric, through the command, over input that nobody should have: no fault of ours, no stack trace, no false pass,
 * and words that name the problem and the next step.
 */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { commands } from '../../src/cli/commands.generated.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Report, Result } from '../../src/kernel/report.ts';
import { randomOf } from '../../src/stats/random.ts';
import { type FileMap, makeRepo } from '../helpers/repo.ts';
import { sendJson, serve } from '../support/http-server.ts';
import { csvOf } from '../support/tables.ts';

type Row = Readonly<Record<string, string | number>>;

/** Who pays late: two numbers and a state tell it; each row has a time. */
function rowsOf(seed: number, rows = 600, from = 0): readonly Row[] {
  const random = randomOf(seed);
  return Array.from({ length: rows }, (_, i) => {
    const [amount, bend] = [random.normal(), random.normal()];
    const state = ['act', 'nsw', 'vic'][random.below(3)] ?? '';
    const z = 2 * amount + bend + (state === 'nsw' ? 1 : state === 'vic' ? -1 : 0);
    const at = new Date(Date.UTC(2026, 0, 1) + (from + i) * 3_600_000).toISOString();
    const group = random.uniform() < 0.5 ? 'a' : 'b';
    const y = random.uniform() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
    return { id: `r${seed}-${i}`, at, amount: amount.toFixed(4), bend: bend.toFixed(4), state, group, y };
  });
}

const train = rowsOf(1);
const evaluation = rowsOf(2, 600, 600);
const serving = evaluation.slice(0, 300).map(({ y: _, ...row }) => row);

const python: FileMap = {
  'train.py': `import csv, json, math, random, sys
data, seed, model = sys.argv[1:4]
random.seed(int(seed))
rows = list(csv.DictReader(open(data, newline='', encoding='utf-8')))
def terms(r): return [1.0, float(r['amount'] or 0), float(r['bend'] or 0), float(r['state'] == 'nsw'), float(r['state'] == 'vic')]
xs, ys = [terms(r) for r in rows], [float(r['y']) for r in rows]
b = [0.0] * 5
for _ in range(120):
    g = [0.0] * 5
    for x, y in zip(xs, ys):
        p = 1 / (1 + math.exp(-max(-30, min(30, sum(u * v for u, v in zip(b, x))))))
        for k in range(5): g[k] += (y - p) * x[k]
    b = [u + 2 * v / len(xs) for u, v in zip(b, g)]
json.dump(b, open(model, 'w'))
`,
  'predict.py': `import csv, json, math, sys
model, rows, out = sys.argv[1:4]
b = json.load(open(model))
def score(r):
    try:
        x = [1.0, float(r['amount']), float(r['bend']), float(r['state'] == 'nsw'), float(r['state'] == 'vic')]
    except ValueError:
        return ''
    z = sum(u * v for u, v in zip(b, x))
    return '' if z != z else 1 / (1 + math.exp(-max(-30, min(30, z))))
answers = [[r['id'], score(r)] for r in csv.DictReader(open(rows, newline='', encoding='utf-8'))]
#
with open(out, 'w', newline='', encoding='utf-8') as f:
    w = csv.writer(f, lineterminator='\\n')
    w.writerow(['id', 'score'])
    w.writerows(answers)
`,
};
const r: FileMap = {
  'train.R': `a <- commandArgs(trailingOnly = TRUE)
set.seed(as.integer(a[2]))
d <- read.csv(a[1], colClasses = "character", check.names = FALSE, encoding = "UTF-8")
x <- cbind(1, as.numeric(d$amount), as.numeric(d$bend), d$state == "nsw", d$state == "vic")
y <- as.numeric(d$y)
if (anyNA(y)) stop("labels must be 0 or 1", call. = FALSE)
b <- numeric(5)
for (i in 1:120) b <- b + 2 * drop(crossprod(x, y - plogis(drop(x %*% b)))) / nrow(x)
#
writeLines(sprintf("%.17g", b), a[3])
`,
  'predict.R': `a <- commandArgs(trailingOnly = TRUE)
b <- as.numeric(readLines(a[1]))
d <- read.csv(a[2], colClasses = "character", check.names = FALSE, encoding = "UTF-8")
number <- function(text) suppressWarnings(as.numeric(text))
z <- b[1] + b[2] * number(d$amount) + b[3] * number(d$bend) + b[4] * (d$state == "nsw") + b[5] * (d$state == "vic")
answers <- data.frame(id = d$id, score = plogis(z))
#
write.csv(answers, a[3], row.names = FALSE, na = "", fileEncoding = "UTF-8")
`,
};
const hooksOf = {
  python: { train: 'python3 train.py {data} {seed} {model}', predict: 'python3 predict.py {model} {in} {out}' },
  r: {
    train: 'Rscript --vanilla train.R {data} {seed} {model}',
    predict: 'Rscript --vanilla predict.R {model} {in} {out}',
  },
};
type Language = keyof typeof hooksOf;

interface Case {
  readonly train?: readonly Row[];
  readonly eval?: readonly Row[];
  readonly serving?: readonly Row[];
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** What the hooks' code calls the states. */
  readonly states?: Readonly<Record<string, string>>;
  /** Lines before training starts, by language. */
  readonly training?: Partial<Record<Language, string>>;
  /** Lines that change \`answers\`, by language. */
  readonly answering?: Partial<Record<Language, string>>;
  /** Tests that rest on what is broken. */
  readonly notPassing: readonly string[];
  /** Outcome and words of a test. */
  readonly says: Readonly<Record<string, RegExp>>;
  readonly env?: Readonly<Record<string, string>>;
}

const columns = {
  id: 'id',
  time: 'at',
  label: 'y',
  slices: ['state'],
  protected: ['group'],
  features: ['amount', 'bend', 'state'],
};

const manifestOf = (language: Language, more: Readonly<Record<string, unknown>> = {}) => ({
  version: 1,
  model: { name: 'late', owner: '@team' },
  task: 'binary',
  columns,
  fairness: { criterion: 'equal_opportunity' },
  data: { train: 'data/train.csv', eval: 'data/eval.csv', serving: 'data/serving.csv' },
  hooks: hooksOf[language],
  quality: { metric: 'auc', min: 0.7, slice_max_drop: 0.4 },
  policy: { max_age: '90d', deny: ['group'] },
  budget: { minutes: 5, trains: 40 },
  ...more,
});

/** Every result by id, after the checks that hold for any input. */
async function score(
  language: Language,
  given: Omit<Case, 'notPassing' | 'says'>,
  only: readonly string[] = [],
): Promise<Record<string, Result>> {
  const files = { ...(language === 'python' ? python : r) };
  const [training, predicting] = language === 'python' ? ['train.py', 'predict.py'] : ['train.R', 'predict.R'];
  const at = language === 'python' ? 'data, seed, model = sys.argv[1:4]\n' : 'a <- commandArgs(trailingOnly = TRUE)\n';
  const before = given.training?.[language];
  if (before) files[training] = String(files[training]).replace(at, () => `${at}${before}\n`);
  for (const [plain, own] of Object.entries(given.states ?? {}))
    for (const file of [training, predicting])
      files[file] = String(files[file]).replaceAll(new RegExp(`['"]${plain}['"]`, 'g'), () => literalOf(own));
  const change = given.answering?.[language];
  if (change) files[predicting] = String(files[predicting]).replace('#\n', () => `${change}\n`);
  const root = makeRepo({
    ...files,
    'flightcheck.yml': stringify(manifestOf(language, given.manifest)),
    'data/train.csv': csvOf(given.train ?? train),
    'data/eval.csv': csvOf(given.eval ?? evaluation),
    'data/serving.csv': csvOf(given.serving ?? serving),
  });
  const printed: string[] = [];
  const say = (text: string): void => void printed.push(text);
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  const code = await runProgram(
    commands,
    ['score', root, '--cache', 'off', ...(only.length > 0 ? ['--only', only.join(',')] : [])],
    '0.1.0',
    () => ({
      ...{ cwd: root, print: say, isJson: false, isDebug: false, isColor: false, width: 100, version: '0.1.0' },
      env: { PATH: process.env.PATH, HOME: process.env.HOME, FLIGHTCHECK_GATE: 'advisory', ...given.env },
      log: { info: say, warn: say, debug() {}, step: (_title, work) => work(() => {}) },
      signal: new AbortController().signal,
    }),
  );
  stderr.mockRestore();
  const text = printed.join('\n');
  expect(code, text).toBe(0);
  const report = JSON.parse(readFileSync(join(root, '.flightcheck/score.report.json'), 'utf8')) as Report;
  const results = report.suites.flatMap((suite) => suite.sections.flatMap((section) => section.results));
  expect(results).toHaveLength(only.length || 28);
  for (const { check, outcome, failure, reason } of results) {
    expect(failure?.code, `${check}: ${failure?.message}`).not.toBe('INTERNAL');
    if (outcome === 'error') expect(failure?.hint, check).toMatch(/\w{3}.*\.$/);
    if (outcome === 'skipped') expect(reason, check).toMatch(/\w{3}/);
  }
  expect(text + JSON.stringify(report)).not.toMatch(/\bat \S+ \(?(file|node|\/).*:\d+:\d+\)?/);
  return Object.fromEntries(results.map((result) => [result.check, result]));
}

const words = ({ outcome, reason, failure, findings }: Result): string =>
  `${outcome}: ${[failure?.message, reason, ...findings.map(({ message }) => message)].filter(Boolean).join('; ')}`;

const mapped = (rows: readonly Row[], change: (row: Row, i: number) => Row): readonly Row[] => rows.map(change);
/** The same moment as three countries write it, one of them without its zone. */
const zoned = (row: Row, i: number): Row => {
  const at = new Date(Date.parse(String(row.at)) + (i % 3 === 1 ? 36_000_000 : 0)).toISOString().slice(0, 19);
  return { ...row, at: `${at}${['Z', '+10:00', ''][i % 3]}` };
};
const odd: Readonly<Record<string, string>> = {
  act: 'A, "C" & T;',
  nsw: 'new\nsouth "wales", 🔥',
  vic: " ¡víctoria' -- \\ {in}",
};
const renamed = (row: Row): Row => ({ ...row, state: odd[row.state ?? ''] ?? '' });
/** As a word of Python and of R, whatever the locale in which R reads its code. */
const literalOf = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/gu, (letter) => `\\U${letter.codePointAt(0)?.toString(16).padStart(8, '0')}`);
const unlabelled = ({ y: _, ...row }: Row): Row => row;

const trainers = ['infra-1', 'infra-3', 'model-5', 'model-6', 'monitor-5'];
const both: readonly Language[] = ['python', 'r'];
const cases: readonly (readonly [what: string, languages: readonly Language[], given: Case])[] = [
  [
    'a feature renamed in the evaluation rows',
    both,
    {
      eval: mapped(evaluation, ({ amount = '', ...row }) => ({ ...row, amnt: amount })),
      notPassing: ['data-1', ...trainers],
      says: { 'infra-3': /^fail: .*predict hook/ },
    },
  ],
  [
    'a feature of other type in the evaluation rows',
    ['python'],
    {
      eval: mapped(evaluation, (row, i) => ({ ...row, amount: `about ${i}` })),
      notPassing: ['data-1', ...trainers],
      says: { 'infra-3': /refused all/ },
    },
  ],
  [
    'a label that is constant',
    ['python'],
    {
      train: mapped(train, (row) => ({ ...row, y: 1 })),
      eval: mapped(evaluation, (row) => ({ ...row, y: 1 })),
      notPassing: ['data-2', 'model-3', 'model-4', 'model-5', 'model-6', 'infra-4'],
      says: { 'model-5': /class|defined|label/ },
    },
  ],
  [
    'a label that is missing in the evaluation rows',
    ['python'],
    {
      eval: evaluation.map(unlabelled),
      notPassing: ['data-2', 'model-4', 'model-5', 'model-6', 'model-7', 'infra-4', 'infra-5', 'monitor-5'],
      says: { 'model-5': /^skipped: data\.eval has no column "y", which columns\.label names/ },
    },
  ],
  [
    'labels that are words while decision.positive is 1',
    both,
    {
      train: mapped(train, (row) => ({ ...row, y: row.y === 1 ? 'late' : 'in time' })),
      eval: mapped(evaluation, (row) => ({ ...row, y: row.y === 1 ? 'late' : 'in time' })),
      notPassing: ['model-5', 'model-6', 'infra-1', 'infra-3'],
      says: { 'infra-3': /^fail: the train hook failed with exit code 1/ },
    },
  ],
  [
    'ids that stand twice',
    ['python'],
    {
      eval: mapped(evaluation, (row, i) => ({ ...row, id: `r${i % 300}` })),
      notPassing: trainers,
      says: { 'model-5': /id/ },
    },
  ],
  [
    'times that nobody can read',
    ['python'],
    {
      train: mapped(train, (row) => ({ ...row, at: 'last week' })),
      eval: mapped(evaluation, (row) => ({ ...row, at: 'today' })),
      serving: mapped(serving, (row) => ({ ...row, at: 'now' })),
      notPassing: ['model-4', 'monitor-4'],
      says: { 'monitor-4': /column at of data\.train has no time that can be read/, 'model-4': /time/ },
    },
  ],
  [
    'times of several zones in every table, some without one',
    ['python'],
    {
      train: mapped(train, zoned),
      eval: mapped(evaluation, zoned),
      serving: mapped(serving, zoned),
      notPassing: [],
      says: { 'monitor-4': /^pass|^skipped/, 'infra-3': /^pass/, 'model-6': /^pass/ },
    },
  ],
  [
    'categories with commas, quotes, line breaks, emoji',
    both,
    {
      train: mapped(train, renamed),
      eval: mapped(evaluation, renamed),
      serving: mapped(serving, renamed),
      states: odd,
      notPassing: [],
      says: {
        'infra-3': /^pass/,
        'model-6': /^pass/,
        'infra-1': /^pass/,
        'infra-5': /^pass/,
        'data-2': /^pass/,
        'monitor-2': /^pass/,
      },
    },
  ],
  [
    'a feature of the manifest that is in no table',
    ['python'],
    {
      manifest: { columns: { ...columns, features: [...columns.features, 'weather'] } },
      notPassing: ['data-2', 'data-3', 'infra-5', 'monitor-5'],
      says: {
        'data-2': /^(skipped|error): .*"weather"/,
        'infra-5': /^skipped: data\.eval has no column weather/,
        'monitor-5': /^skipped: data\.eval has no column weather/,
      },
    },
  ],
  [
    'a slice of 3 rows',
    ['python'],
    {
      eval: mapped(evaluation, (row, i) => (i < 3 ? { ...row, state: 'tas' } : row)),
      notPassing: [],
      says: { 'model-6': /tas|inconclusive|^pass/ },
    },
  ],
  [
    'a protected column with one group',
    ['python'],
    {
      eval: mapped(evaluation, (row) => ({ ...row, group: 'a' })),
      notPassing: ['model-7', 'data-4'],
      says: { 'model-7': /group/ },
    },
  ],
  [
    'categories that training has not seen',
    ['python'],
    {
      eval: mapped(evaluation, (row, i) => (i % 3 === 0 ? { ...row, state: 'new' } : row)),
      serving: mapped(serving, (row) => ({ ...row, state: 'newer' })),
      notPassing: ['monitor-2'],
      says: { 'monitor-2': /state/ },
    },
  ],
  [
    'probabilities outside 0 to 1',
    both,
    {
      answering: {
        python: "answers = [[i, s if s == '' else 1.7 * s] for i, s in answers]",
        r: 'answers$score <- 1.7 * answers$score',
      },
      notPassing: ['monitor-5'],
      says: { 'monitor-5': /no probabilities: they lie outside 0 to 1/ },
    },
  ],
  [
    'scores that are NaN and infinite',
    both,
    {
      answering: {
        python: "answers = [[i, 'NaN' if n % 9 == 0 else 'inf' if n % 9 == 1 else s] for n, (i, s) in enumerate(answers)]",
        r: 'n <- seq_len(nrow(answers)); answers$score <- ifelse(n %% 9 == 0, "NaN", ifelse(n %% 9 == 1, "Inf", answers$score))',
      },
      notPassing: [...trainers, 'infra-4', 'model-7'],
      says: { 'model-5': /^fail: .*NaN or infinite/, 'monitor-5': /NaN or infinite/ },
    },
  ],
  [
    'predict that drops rows',
    both,
    {
      answering: { python: 'answers = answers[1:]', r: 'answers <- answers[-1, ]' },
      notPassing: [...trainers, 'data-2', 'infra-5', 'model-7'],
      says: { 'infra-3': /^fail: .*(row|id)/, 'model-5': /(row|id)/ },
    },
  ],
  [
    'training that ignores the seed',
    both,
    {
      training: {
        python: 'import os; dump = json.dump; json.dump = lambda b, f: dump([v + os.urandom(1)[0] / 2550 for v in b], f)',
        r: 'writeLines <- function(b, to) base::writeLines(sprintf("%.17g", as.numeric(b) + (as.numeric(Sys.time()) * 1e6) %% 1000 / 1e4), to)',
      },
      notPassing: ['infra-1'],
      says: { 'infra-1': /^fail: .*(differ|apart)/ },
    },
  ],
  [
    'training that writes into the repo',
    both,
    {
      training: {
        python:
          "open('train.py', 'a').write('raise SystemExit(9)'); open('data/train.csv.bak', 'w').write('x') if __import__('os').path.isdir('data') else None",
        r: 'cat("quit(status = 9)\\n", file = "predict.R", append = TRUE); dir.create("data", FALSE); writeLines("x", "data/train.csv")',
      },
      notPassing: [],
      says: { 'infra-1': /^pass/, 'infra-3': /^pass/ },
    },
  ],
  [
    'training that needs the network',
    both,
    {
      training: {
        python: "import urllib.request; urllib.request.urlopen('http://data.invalid/rows', timeout=5)",
        r: 'readLines(url("http://data.invalid/rows"))',
      },
      notPassing: trainers,
      says: { 'infra-3': /^fail: the train hook failed with exit code 1[\s\S]*(data\.invalid|not known|resolution|cannot open)/ },
    },
  ],
  [
    'training that takes more memory than it may',
    both,
    {
      training: { python: 'x = bytearray(900 * 2**20)', r: 'x <- numeric(120 * 2^20); x[] <- 1' },
      manifest: { budget: { minutes: 5, trains: 40, memory: '200MiB' } },
      notPassing: trainers,
      says: {
        'infra-3':
          /^fail: the train hook (was stopped at its limit of 200 MiB of memory|failed with exit code 1[\s\S]*(MemoryError|cannot allocate))/,
      },
    },
  ],
  [
    'training that is killed',
    both,
    {
      training: { python: 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)', r: 'tools::pskill(Sys.getpid(), 9)' },
      notPassing: trainers,
      says: { 'infra-3': /^fail: the train hook was ended by SIGKILL/ },
    },
  ],
];

describe.each(both)('%s', (language) => {
  const own = cases.filter(([, languages]) => languages.includes(language));
  test.each(own.map(([what, , given]) => [what, given] as const))('%s', async (_, given) => {
    const results = await score(language, given);
    for (const id of given.notPassing) expect(results[id]?.outcome, id).not.toBe('pass');
    for (const [id, message] of Object.entries(given.says)) expect(words(results[id] as Result)).toMatch(message);
  });

  test('predict that answers in another order: nobody notices', async () => {
    const answering = {
      python: 'answers.sort(key=lambda one: one[0][::-1])',
      r: 'answers <- answers[rev(seq_len(nrow(answers))), ]',
    };
    const [plain, reordered] = [await score(language, {}), await score(language, { answering })];
    const outcomes = (results: Record<string, Result>) => Object.entries(results).map(([id, { outcome }]) => [id, outcome]);
    expect(outcomes(reordered)).toEqual(outcomes(plain));
    for (const id of ['infra-1', 'infra-3', 'infra-5', 'model-6', 'data-2', 'monitor-5'])
      expect(words(reordered[id] as Result), id).toMatch(/^pass/);
  });
});

describe('an MLflow server that is none', () => {
  const experiments = { experiment: { experiment_id: '1', lifecycle_stage: 'active' } };
  const asking = ['model-3', 'infra-4', 'monitor-4'];
  test.each<[string, RegExp, readonly string[], (response: ServerResponse, url: string) => void]>([
    ['is slow', /did not answer within 1 s/, [], () => {}],
    [
      'answers 500',
      /it answered 500: out of memory/,
      asking,
      (response) => sendJson(response, 500, { message: 'out of memory' }),
    ],
    [
      'is a login page',
      /not JSON \(a login page or a proxy\?\)/,
      asking,
      (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<form>Sign in</form>'),
    ],
    [
      'is of a version that knows no such request',
      /older version/,
      asking,
      (response) => void response.writeHead(404).end('Not Found'),
    ],
    [
      'answers in other shapes',
      /another version of MLflow\?/,
      asking,
      (response, url) => sendJson(response, 200, url.includes('experiments') ? experiments : { runs: { first: 7 }, models: 3 }),
    ],
  ])('%s', async (_, message, only, answer) => {
    const server = await serve((response, __, { url = '' }) => answer(response, url));
    onTestFinished(() => server.close());
    await scoredWith(server.url, message, only);
  });
  test('is down', async () => {
    const server = await serve(() => {});
    await server.close();
    await scoredWith(server.url, /could not be reached/, asking);
  });

  async function scoredWith(tracking: string, message: RegExp, only: readonly string[]): Promise<void> {
    const mlflow = { tracking, experiment: 'late', registeredModel: 'late', alias: 'champion' };
    const hooks = { ...hooksOf.python, params: { rate: 0.1 } };
    const env = { MLFLOW_HTTP_REQUEST_TIMEOUT: '1' };
    const results = await score('python', { manifest: { mlflow, hooks }, env }, only);
    for (const id of asking) {
      const result = results[id] as Result;
      expect(result.outcome, id).not.toBe('pass');
      expect(words(result), id).toMatch(message);
    }
  }
});
