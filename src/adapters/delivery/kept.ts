/** What lies beside a delivered file where there is no history: the delivery, and the file before it. */
import type { DeliveryRecord } from '../../kernel/delivery.ts';
import { EnvironmentError } from '../../kernel/failure.ts';

export interface Kept extends DeliveryRecord {
  /** The file before; null when there was none. */
  readonly before: string | null;
}

/** Without the ending that Airflow looks for. */
export const recordName = (name: string): string => `.${name}.flightcheck.json`;

/** Reads a record; throws DELIVERY_RECORD when it is none. */
export function readKept(text: string, path: string): Kept {
  try {
    const kept = JSON.parse(text) as Partial<Kept> | null;
    if (typeof kept?.hash === 'string' && (kept.before === null || typeof kept.before === 'string')) return kept as Kept;
  } catch {}
  throw new EnvironmentError('DELIVERY_RECORD', `${path} is not what a delivery wrote, so the way back is not known`, {
    hint: 'Remove it and deploy again; what was there before comes from your own copy of it.',
  });
}
