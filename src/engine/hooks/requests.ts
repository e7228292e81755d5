/** Requests as data: which executions a request needs, and what it is in words. */
import type { HookRequest, ModelRequest, PlannedExecution, TableRef } from '../../kernel/hooks.ts';

/** A planned execution and, before it, the training that it needs. */
export function withTraining({ request, sometimes }: PlannedExecution): readonly PlannedExecution[] {
  const more = sometimes === undefined ? {} : { sometimes };
  return (request.hook === 'predict' || request.hook === 'serve') && request.model.hook === 'train'
    ? [
        { request: request.model, ...more },
        { request, ...more },
      ]
    : [{ request, ...more }];
}

const list = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const rowsWords = (rows: number): string => (rows < 1 ? percent(rows) : `${rows} rows`);

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
    case 'shuffled':
      return `${from} with every column shuffled`;
    case 'altered':
      return `${ref.rows} rows of ${from} with odd values in ${ref.columns.length} columns`;
    case 'permuted':
      return `${from} with ${ref.columns.length} columns permuted ${ref.repeats} times`;
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
  return `model of ${tableWords(model.data)}, seed ${model.seed}${paramsWords(model.params)}${again}${release}`;
}

/** A request in words: `train on train, seed 1`. */
export function requestWords(request: HookRequest): string {
  if (request.hook === 'features') return `features of ${tableWords(request.input)}`;
  if (request.hook === 'train') {
    const again = request.replicate > 0 ? `, time ${request.replicate + 1}` : '';
    const release = request.release === undefined ? '' : ', release before';
    return `train on ${tableWords(request.data)}, seed ${request.seed}${paramsWords(request.params)}${again}${release}`;
  }
  return `${request.hook} ${tableWords(request.input)} (${modelWords(request.model)})`;
}
