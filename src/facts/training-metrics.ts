/** `metrics.jsonl`, which a training may write beside its model: one JSON object a line with `step` and `loss`. */
import type { TrainingLoss } from '../kernel/hooks.ts';

const mostSteps = 100_000;

const numberOf = (value: unknown): number | null => {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  return value === 'Infinity' || value === '-Infinity' ? Number(value) : null;
};

/** NaN and Infinity, as Python's json writes them and no other reads them. */
const bareNumber = /(?<=[:,[]\s*)(-?)(NaN|Infinity)(?=\s*[,}\]])/g;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/**
 * The lines that have a loss, in their order; a line without a step gets its position. NaN and Infinity, which Python and
 * others write bare, are kept. Lines that are no such object are left out, and all beyond 100,000.
 */
export function readLosses(text: string): readonly TrainingLoss[] {
  const losses: TrainingLoss[] = [];
  for (const line of text.split('\n')) {
    if (losses.length >= mostSteps) break;
    const value = parse(line) ?? parse(line.replace(bareNumber, '"$1$2"')) ?? null;
    if (value === null || typeof value !== 'object') continue;
    const { step, loss } = value as { step?: unknown; loss?: unknown };
    const found = numberOf(loss);
    if (found !== null) losses.push({ step: numberOf(step) ?? losses.length, loss: found });
  }
  return losses;
}
