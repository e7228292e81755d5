/** Requests as data: which executions a request needs, and what it is in words. */
import type { HookRequest, PlannedExecution, TableRef } from '../../kernel/hooks.ts';

/** A planned execution and, before it, the training that it needs. */
export function withTraining({ request, sometimes }: PlannedExecution): readonly PlannedExecution[] {
  const more = sometimes === undefined ? {} : { sometimes };
  return request.hook === 'predict'
    ? [
        { request: request.model, ...more },
        { request, ...more },
      ]
    : [{ request, ...more }];
}

const list = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;

/** A table in words: `200 rows of eval`, `train without age`. */
function tableWords(ref: TableRef): string {
  if ('table' in ref) return ref.table;
  const from = tableWords(ref.from);
  if (ref.derive === 'sample') return `${ref.rows} rows of ${from}`;
  if (ref.derive === 'without') return `${from} without ${list(ref.columns)}`;
  return `${from} with ${ref.columns.length} columns permuted ${ref.repeats} times`;
}

/** A request in words: `train on train, seed 1`. */
export function requestWords(request: HookRequest): string {
  if (request.hook === 'features') return `features of ${tableWords(request.input)}`;
  if (request.hook === 'train') {
    const again = request.replicate > 0 ? `, time ${request.replicate + 1}` : '';
    return `train on ${tableWords(request.data)}, seed ${request.seed}${again}`;
  }
  const { model } = request;
  const again = model.replicate > 0 ? `, time ${model.replicate + 1}` : '';
  return `predict ${tableWords(request.input)} (model of ${tableWords(model.data)}, seed ${model.seed}${again})`;
}
