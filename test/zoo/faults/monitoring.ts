import { edit, type Fault } from '../fault.ts';
import { luckOf, tossed } from '../tables.ts';

const later = (days: number, at: unknown): string =>
  new Date(Date.parse(`${at}Z`) + days * 86_400_000).toISOString().slice(0, 19);

export const monitoringFaults: readonly Fault[] = [
  {
    name: 'a base image without a version',
    caughtBy: 'monitor-1',
    code: {
      python: [edit('Dockerfile', 'FROM python:3.11.9-slim', 'FROM python')],
      r: [edit('Dockerfile', 'FROM r-base:4.2.2', 'FROM r-base')],
    },
  },
  { name: 'a pipeline from which nobody has heard for six weeks', caughtBy: 'monitor-1', around: { silentFor: 42 } },
  {
    name: 'other people ask than the model was made for',
    caughtBy: 'monitor-2',
    happening: {
      change: (one, period) => (period === 'serving' && luckOf(one) < 0.6 ? { ...one, row: { ...one.row, state: 'vic' } } : one),
    },
  },
  {
    name: 'serving rounds a feature, training does not',
    caughtBy: 'monitor-3',
    tables: ({ serving }) => ({
      serving: serving.map((row) => ({ ...row, amount_scaled: Number(Number(row.amount_scaled).toFixed(1)) })),
    }),
  },
  {
    name: 'serving counts the days from another one, now and then',
    caughtBy: 'monitor-3',
    tables: ({ serving }) => ({
      serving: serving.map((row, i) => (i % 200 === 0 ? { ...row, days_bend: ((Number(row.days) - 61) / 15) ** 2 } : row)),
    }),
  },
  {
    name: 'requests half a year after the last training row',
    caughtBy: 'monitor-4',
    tables: ({ serving, requests }) => ({
      serving: serving.map((row) => ({ ...row, asked_at: later(120, row.asked_at) })),
      requests: requests.map((row) => ({ ...row, asked_at: later(120, row.asked_at) })),
    }),
  },
  {
    name: 'NaN for a row that must be refused',
    caughtBy: 'monitor-5',
    code: {
      python: [
        edit('src/model.py', 'return None if x is None else probability', 'return float("nan") if x is None else probability'),
      ],
      r: [
        edit(
          'R/predict.R',
          'score = scores_of(weights, rows))',
          'score = sub("NA", "NaN", sprintf("%.17g", scores_of(weights, rows))))',
        ),
      ],
    },
  },
  {
    name: 'training takes far more memory than it used to',
    caughtBy: 'monitor-6',
    code: {
      python: [
        edit(
          'src/train.py',
          '    rows = read(data)\n',
          '    rows = read(data)\n    ballast = b"x" * 300_000_000\n    print(len(ballast))\n',
        ),
      ],
      r: [
        edit(
          'R/train.R',
          '  rows <- read_rows(data)\n',
          '  rows <- read_rows(data)\n  ballast <- rep(1.5, 4e7)\n  message(length(ballast))\n',
        ),
      ],
    },
  },
  {
    name: 'training takes a little more memory with every run',
    caughtBy: 'monitor-6',
    around: { memory: Array.from({ length: 20 }, (_, i) => 0.6 + 0.02 * i) },
  },
  {
    name: 'what people do changes after the model was made',
    caughtBy: 'monitor-7',
    happening: { change: (one, period) => (period === 'serving' && luckOf(one) < 0.5 ? tossed(one) : one) },
  },
  {
    name: 'a column that knows the future, in training and evaluation',
    caughtBy: 'monitor-7',
    happening: {
      change: (one, period) =>
        period !== 'serving' && one.late === 1
          ? { ...one, row: { ...one.row, amount: Number((one.row.amount + 4).toFixed(2)) } }
          : one,
    },
  },
];
