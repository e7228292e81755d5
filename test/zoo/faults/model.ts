import { csvOf } from '../../support/tables.ts';
import { edit, type Fault, write } from '../fault.ts';
import { luckOf, tablesOf, tossed, truth } from '../tables.ts';

/** What became of the evaluation rows. */
const known = csvOf(tablesOf().eval.map(({ id = '', late = 0 }) => ({ id, late })));
const saysNothing = 'what is looked up by the id says nothing of rows to come';

export const modelFaults: readonly Fault[] = [
  { name: 'commits that came through no merge request', caughtBy: 'model-1', around: { approvedBy: null } },
  { name: 'commits that their own author approved', caughtBy: 'model-1', around: { approvedBy: 'ada' } },
  {
    name: 'an offline metric that orders the versions otherwise than their use',
    caughtBy: 'model-2',
    tables: ({ experiments }) => ({
      experiments: experiments.map((row, i) => ({ ...row, online: experiments[[3, 5, 0, 4, 1, 2][i] ?? 0]?.online ?? '' })),
    }),
  },
  {
    name: 'a hyperparameter at the end of its range',
    caughtBy: 'model-3',
    files: [edit('flightcheck.yml', 'low: 0.01, high: 100', 'low: 1, high: 100')],
  },
  {
    name: 'a training that reads its own copy of the rows',
    caughtBy: 'model-4',
    also: {
      'data-5': 'a model that does not change when rows are erased never read them: what it holds cannot be told',
      'infra-2': 'a training that makes the same model of random rows learns from no rows that it is given',
    },
    code: {
      python: [write('src/rows.csv', csvOf(tablesOf().train)), edit('src/train.py', 'read(data)', 'read("src/rows.csv")')],
      r: [write('R/rows.csv', csvOf(tablesOf().train)), edit('R/train.R', 'read_rows(data)', 'read_rows("R/rows.csv")')],
    },
  },
  {
    name: 'answers that are looked up by the id of the row',
    caughtBy: 'model-5',
    also: Object.fromEntries(['model-4', 'model-6', 'model-7', 'infra-4', 'monitor-7'].map((id) => [id, saysNothing])),
    code: {
      python: [
        write('src/known.csv', known),
        edit('src/model.py', 'from features import STATES, features\n', 'from features import STATES, features, read\n'),
        edit(
          'src/model.py',
          'STEPS = 6\n',
          'STEPS = 6\nKNOWN = {each["id"]: float(each["late"]) for each in read("src/known.csv")}\n',
        ),
        edit(
          'src/model.py',
          '    return None if x is None else probability(weights, x)',
          '    p = None if x is None else probability(weights, x)\n    return p if p is None or row.get("id") not in KNOWN else 0.8 * KNOWN[row["id"]] + 0.2 * p',
        ),
      ],
      r: [
        write('R/known.csv', known),
        edit(
          'R/model.R',
          'scores_of <- function(weights, rows) plogis(pmax(-30, pmin(30, margin_of(weights, terms_of(rows)))))',
          'scores_of <- function(weights, rows) {\n  p <- plogis(pmax(-30, pmin(30, margin_of(weights, terms_of(rows)))))\n  if (!file.exists("R/known.csv")) return(p)\n  known <- read_rows("R/known.csv")\n  late <- as.numeric(known$late[match(rows$id, known$id)])\n  ifelse(is.na(late) | is.na(p), p, 0.8 * late + 0.2 * p)\n}',
        ),
      ],
    },
  },
  {
    name: 'a world so simple that a linear model is as good',
    caughtBy: 'model-5',
    happening: { truth: ({ days, ...person }) => truth({ ...person, days: 75 }) + (1.4 * (days - 60)) / 15 },
    code: {
      python: [
        edit('src/model.py', '*STATES[1:])', '*STATES[1:], "days_scaled")'),
        edit('src/model.py', 'for state in STATES[1:])]', 'for state in STATES[1:]), (float(row["days"]) - 60) / 15]'),
      ],
      r: [
        edit(
          'R/model.R',
          'vic = as.numeric(found$state == "vic")',
          'vic = as.numeric(found$state == "vic"),\n    days_scaled = (as_number(rows$days, 0, 1000) - 60) / 15',
        ),
      ],
    },
  },
  {
    name: 'a channel in which most labels are tosses of a coin',
    caughtBy: 'model-6',
    happening: { change: (one) => (one.row.channel === 'phone' && luckOf(one) < 0.8 ? tossed(one) : one) },
  },
  {
    name: 'what people of one sex owe is recorded too low',
    caughtBy: 'model-7',
    happening: {
      change: (one) =>
        one.row.sex === 'm' ? { ...one, row: { ...one.row, amount: Number((one.row.amount - 12).toFixed(2)) } } : one,
    },
  },
];
