import { edit, type Fault, write } from '../fault.ts';

const features = 'features: [amount, days, state]';
/** The number of a batch, which means nothing, among the features. */
const useBatch = [
  edit('flightcheck.yml', features, 'features: [amount, days, state, batch]'),
  edit(
    'flightcheck/schema.yml',
    'columns:\n',
    'columns:\n  batch: { type: number, min: -6, max: 6, max_nulls: 0.8, median: [-0.5, 0.5] }\n',
  ),
];
const dear = edit('flightcheck.yml', 'upstream: {', 'upstream: { batch: [archive],');
const alsoUseless = { 'data-2': 'what costs and brings nothing brings nothing' };

const ids = Array.from({ length: 2100 }, (_, i) => `train-${10_000 + i}`).join('\n');
export const dataFaults: readonly Fault[] = [
  {
    name: 'a schema that accepts everything',
    caughtBy: 'data-1',
    files: [
      write(
        'flightcheck/schema.yml',
        `version: 1\ncolumns:\n${['amount', 'days', 'state'].map((name) => `  ${name}: { type: text, max_nulls: 1, max_outside: 1, max_unseen: 1 }\n`).join('')}`,
      ),
    ],
  },
  {
    name: 'a few amounts in cents among the evaluation rows',
    caughtBy: 'data-1',
    tables: ({ eval: rows }) => ({
      eval: rows.map((row, i) => (i % 100 === 7 ? { ...row, amount: 100 * Number(row.amount) } : row)),
    }),
  },
  { name: 'a feature that the model never reads', caughtBy: 'data-2', files: useBatch },
  {
    name: 'a feature without benefit that needs a system of its own',
    caughtBy: 'data-3',
    also: alsoUseless,
    files: [...useBatch, dear],
  },
  {
    name: 'a model that reads a denied column',
    caughtBy: 'data-4',
    code: {
      python: [
        edit(
          'src/model.py',
          '    return None if x is None else probability(weights, x)',
          '    return None if x is None else 0.99 * probability(weights, x) + float(row.get("postcode") or 0) / 1e6',
        ),
      ],
      r: [
        edit(
          'R/model.R',
          'rows) plogis(pmax(-30, pmin(30, margin_of(weights, terms_of(rows)))))',
          'rows) {\n  0.99 * plogis(margin_of(weights, terms_of(rows))) + (if (is.null(rows$postcode)) 0 else as.numeric(rows$postcode)) / 1e6\n}',
        ),
      ],
    },
  },
  {
    name: 'a person who was erased and stays in the model',
    caughtBy: 'data-5',
    code: {
      python: [
        write('src/known.txt', `${ids}\n`),
        edit('src/train.py', '{"weights": weights}', '{"weights": weights, "known": open("src/known.txt").read().split()}'),
      ],
      r: [
        write('R/known.txt', `${ids}\n`),
        edit('R/train.R', 'weights = fitted$weights)', 'weights = fitted$weights, known = readLines("R/known.txt"))'),
      ],
    },
  },
  { name: 'a feature that waits eleven weeks for its deployment', caughtBy: 'data-6', around: { deployedAfter: 77 } },
  {
    name: 'a test of the feature code that fails',
    caughtBy: 'data-7',
    code: {
      python: [edit('tests/test_features.py', '"amount_scaled": 1.0', '"amount_scaled": 1.5')],
      r: [edit('tests/testthat/test-features.R', 'amount_scaled = 1,', 'amount_scaled = 1.5,')],
    },
  },
];
