/** Requests as data: which executions a request needs, and what it is in words. */
import type { HookRequest, ModelRequest, PlannedExecution, TableRef, TrainRequest } from '../../kernel/hooks.ts';
import { isTraced } from './trace.ts';

/** A planned execution and, before it, the trainings that it needs. */
export function withTraining({ request, sometimes }: PlannedExecution): readonly PlannedExecution[] {
  const more = sometimes === undefined ? {} : { sometimes };
  const own = { request, ...more };
  if ((request.hook === 'predict' || request.hook === 'serve') && request.model.hook === 'train')
    return [...withTraining({ request: request.model, ...more }), own];
  return request.hook === 'train' && request.interrupted ? [{ request: uninterrupted(request), ...more }, own] : [own];
}

/** The same training left alone: how long it takes says when to kill the other. */
export function uninterrupted({ interrupted: _, ...request }: TrainRequest): TrainRequest {
  return request;
}

const list = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const rowsWords = (rows: number): string => (rows < 1 ? percent(rows) : rows === 1 ? '1 row' : `${rows} rows`);

const paramsWords = (params: Readonly<Record<string, unknown>> | undefined): string =>
  params === undefined
    ? ''
    : `, ${Object.entries(params)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`;

/** A table in words: `200 rows of eval`, `train without age`. */
function tableWords(ref: TableRef): string {
  if ('table' in ref) return ref.table;
  const from = tableWords(ref.from);
  switch (ref.derive) {
    case 'sample':
      return `${rowsWords(ref.rows)} of ${from}`;
    case 'rest':
      return `all but ${rowsWords(ref.rows)} of ${from}`;
    case 'without':
      return `${from} without ${list(ref.columns)}`;
    case 'window':
      return `${from} from ${percent(ref.start)} to ${percent(ref.end)} of its time`;
    case 'balanced':
      return `${ref.rows} rows of ${from}, each ${ref.column} alike`;
    case 'random':
      return `${ref.rows} random rows like ${from}`;
    case 'shuffled':
      return `${from} with every column shuffled`;
    case 'altered':
      return `${rowsWords(ref.rows)} of ${from} with ${ref.cases.length === 1 ? `${ref.cases[0]}` : 'odd'} values in ${list(ref.columns)}`;
    case 'permuted':
      if (ref.columns.length === 0) return `${from} under new ids`;
      return `${from} with ${ref.ifPresent ? 'those there are of ' : ''}${ref.columns.length} columns permuted ${ref.repeats} times`;
  }
}

const givenWords = {
  named: 'the model that hooks.predict names',
  production: 'the model in production',
  previous: 'the model before the one in production',
} as const;

/** A model in words: `model of train, seed 1`. */
function modelWords(model: ModelRequest): string {
  if (model.hook === 'given') return givenWords[model.which];
  const again = model.replicate > 0 ? `, time ${model.replicate + 1}` : '';
  const release = model.release === undefined ? '' : ', release before';
  const killed = model.interrupted ? ', killed half-way' : '';
  return `model of ${tableWords(model.data)}, seed ${model.seed}${paramsWords(model.params)}${again}${release}${killed}`;
}

/** A request in words: `train on train, seed 1`. */
export function requestWords(request: HookRequest): string {
  if (request.hook === 'features') return `features of ${tableWords(request.input)}`;
  if (request.hook === 'train') {
    const again = request.replicate > 0 ? `, time ${request.replicate + 1}` : '';
    const release = request.release === undefined ? '' : ', release before';
    const killed = request.interrupted ? ', killed half-way and again' : '';
    return `train on ${tableWords(request.data)}, seed ${request.seed}${paramsWords(request.params)}${again}${release}${killed}`;
  }
  if (request.hook === 'predict' && request.leftover)
    return `predict ${tableWords(request.input)} (what the killed training left)`;
  const traced = isTraced(request) ? ', step by step' : '';
  return `${request.hook} ${tableWords(request.input)} (${modelWords(request.model)})${traced}`;
}
