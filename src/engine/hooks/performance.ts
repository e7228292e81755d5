/** How fast and how large the model's commands were in this run: the numbers that monitor-6 compares over many runs. */
import type { Execution, Predictions, Served, TrainRequest } from '../../kernel/hooks.ts';
import type { Metric } from '../../kernel/report.ts';

/** The training that every run makes: all rows, as configured, of this commit. */
const isPlain = ({ data, seed, replicate, params, release, interrupted }: TrainRequest): boolean =>
  'table' in data && data.table === 'train' && seed === 1 && replicate === 0 && !params && !release && !interrupted;

function numbersOf(execution: Execution): readonly (readonly [name: string, value: number | null, unit: string])[] {
  const { request, seconds, maxRssBytes } = execution;
  if (request.hook === 'train')
    return isPlain(request)
      ? [
          ['train.seconds', seconds, 's'],
          ['train.memory', maxRssBytes, 'By'],
        ]
      : [];
  if (request.hook === 'features' || request.model.hook !== 'train' || !isPlain(request.model)) return [];
  if (request.hook === 'serve') {
    const { latency, startSeconds } = execution as Served;
    return [
      ['serve.latency_p95', latency.p95, 's'],
      ['serve.start_seconds', startSeconds, 's'],
      ['serve.memory', maxRssBytes, 'By'],
    ];
  }
  if (!('table' in request.input) || request.input.table !== 'eval') return [];
  return [
    ['predict.rows_per_second', seconds > 0 ? (execution as Predictions).rows / seconds : null, '1/s'],
    ['predict.memory', maxRssBytes, 'By'],
  ];
}

/** Of commands that really ran: what the cache remembers was measured in an earlier run. */
export function performanceOf(executions: readonly Execution[]): readonly Metric[] {
  const found = new Map<string, Metric>();
  for (const execution of executions.filter((one) => !one.isCached))
    for (const [name, value, unit] of numbersOf(execution))
      if (value !== null && value > 0 && !found.has(name)) found.set(name, { name, value, unit });
  return [...found.values()];
}
