/** What probes ask for, each with the line of flightcheck.yml that gives it: said when it is missing, and by `flightcheck explain`. */
import type { Ask } from '../../../src/kernel/check.ts';

export const lines = {
  task: 'task: binary',
  tasks: 'tasks: { train: { command: "python train.py" } }',
  label: 'columns: { label: y }',
  time: 'columns: { time: lodged_at }',
  features: 'columns: { features: [age, income] }',
  slices: 'columns: { slices: [state, channel] }',
  protected: 'columns: { protected: [age_band, sex] }',
  train: 'data: { train: data/train.csv }',
  eval: 'data: { eval: data/eval.csv }',
  serving: 'data: { serving: data/serving.csv }',
  requests: 'data: { requests: data/requests/*.csv }',
  outcomes: 'data: { outcomes: data/outcomes.csv }',
  experiments: 'data: { experiments: data/experiments.csv }',
  trainHook: 'hooks: { train: "python train.py {data} {seed} {model}" }',
  predictHook: 'hooks: { predict: "python predict.py {model} {in} {out}" }',
  featuresHook: 'hooks: { features: "python features.py {in} {out}" }',
  serveHook: 'hooks: { serve: "python serve.py {model} {port}" }',
  params: 'hooks: { params: { learning_rate: 0.1 } }',
  criterion: 'fairness: { criterion: equal_opportunity, min_ratio: 0.8 }',
  deny: 'policy: { deny: [name, tax_file_number] }',
  featurePaths: 'policy: { feature_paths: [src/features.py] }',
  specPaths: 'policy: { spec_paths: [src/model.py, src/train.py] }',
  maxAge: 'policy: { max_age: 90d }',
  upstream: 'policy: { upstream: { amount: [ledger] } }',
  searchSpace: 'policy: { search_space: { learning_rate: { low: 0.01, high: 1, scale: log } } }',
  quality: 'quality: { metric: auc, min: 0.75 }',
  production: 'quality: { production: models/production }',
  experiment: 'mlflow: { experiment: NAME }',
  registeredModel: 'mlflow: { registeredModel: NAME }',
} as const;

const words: Readonly<Record<keyof typeof lines, string>> = {
  task: 'what kind of prediction the model makes',
  tasks: 'the tasks of the DAG',
  label: 'the column that is predicted',
  time: 'the column with the time of each row',
  features: 'the features by name',
  slices: 'the slices that matter',
  protected: 'the protected attributes',
  train: 'the training rows',
  eval: 'rows held out, with labels',
  serving: 'logged requests: id, time, features, score',
  requests: 'the raw rows that logged features were computed from',
  outcomes: 'late labels of the logged requests, by id',
  experiments: 'versions that served: offline metric, online metric, degraded on purpose',
  trainHook: 'how the model is trained',
  predictHook: 'how the model predicts',
  featuresHook: 'how features are computed',
  serveHook: 'how the model is served',
  params: 'the hyperparameters that were chosen',
  criterion: 'the criterion of fairness that must hold',
  deny: 'the columns that must not reach the model',
  featurePaths: 'the files that compute features',
  specPaths: 'the files that specify the model',
  maxAge: 'how old a model may get',
  upstream: 'the systems that each feature comes from',
  searchSpace: 'the values of hyperparameters that are worth trying',
  quality: 'the quality that is good enough',
  production: 'the model in production',
  experiment: 'the MLflow experiment whose runs train the model',
  registeredModel: 'the registered model in MLflow',
};

/** What stands in no line of the manifest. */
const others = {
  schema: { what: 'the reviewed schema of the features (flightcheck score --write-schema)' },
  gitlab: { what: 'GitLab: FLIGHTCHECK_GITLAB_TOKEN of the report job, scope read_api' },
  tower: { what: 'Control Tower: the input tower-url of the report component' },
  locks: { what: 'a lock file, committed' },
  tests: { what: 'unit tests, run by flightcheck test' },
  deployments: { what: 'deployments to a production environment in GitLab' },
} as const satisfies Record<string, Ask>;

type Name = keyof typeof lines | keyof typeof others;

const isLine = (name: string): name is keyof typeof lines => Object.hasOwn(lines, name);

/** By name; a question mark behind it: not needed, and better with it. */
export const asks = (...names: readonly (Name | `${Name}?`)[]): readonly Ask[] =>
  names.map((each): Ask => {
    const isOptional = each.endsWith('?');
    const name = each.replace('?', '') as Name;
    const ask = isLine(name) ? { what: words[name], line: lines[name] } : others[name];
    return isOptional ? { ...ask, isOptional } : ask;
  });

/** What nearly every probe that trains and predicts asks for. */
export const trained = ['trainHook', 'predictHook', 'train', 'eval'] as const;
export const labelled = ['task', 'label', ...trained] as const;

/** Where thresholds come from. */
export const sources = {
  paper: 'Breck et al. 2017',
  paperDrop: 'Breck et al. 2017: less than 1 % against the previous version, as others quote it',
  oneError: 'the one-standard-error rule, Breiman et al. 1984',
  ours: 'ours; there is no published one',
  psi: 'credit-scoring convention, raised where chance alone reaches it (Yurdakul 2018)',
  evidently: "Evidently's default for PSI",
  deepchecks: "deepchecks' WeakSegmentsPerformance default",
  fourFifths: 'the four-fifths rule, 29 CFR 1607.4 D; also the default of Aequitas',
  convention: 'convention of fairness toolkits',
  nannyml: 'NannyML warns below it',
} as const;
