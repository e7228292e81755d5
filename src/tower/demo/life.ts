/** The days of a made-up model: how far its data have moved, when it was trained again, what it measured. */
import type { Measurement } from '../store/points/append.ts';
import type { Chance, DemoModel } from './organisation.ts';

export interface Day {
  readonly index: number;
  /** How far the data are from those of the training: 0 none, 1 far. */
  readonly shift: number;
  /** Trainings so far. */
  readonly version: number;
  readonly daysSinceTraining: number;
}

/** A drifting model is trained again some days after its alarm; a broken one is mended; a neglected one only grows old. */
export function daysOf(model: DemoModel, days: number): readonly Day[] {
  const life: Day[] = [];
  let shift = 0.04;
  let version = 1;
  // Not all on one day.
  let trained = -(model.turn % 60);
  let alarmed: number | null = null;
  for (let index = 0; index < days; index++) {
    const isPast = index >= model.turn;
    if (model.fate === 'drifting' && isPast) shift += 0.02;
    if (model.fate === 'neglected') shift += 0.0035;
    if (model.fate === 'broken' && index === model.turn) shift = 0.9;
    if (shift > 0.4) alarmed ??= index;
    const isDue = model.fate === 'steady' ? index - trained >= 60 : alarmed !== null && index - alarmed >= 9;
    if (isDue && model.fate !== 'neglected') {
      shift = 0.04;
      version += 1;
      trained = index;
      alarmed = null;
    }
    life.push({ index, shift, version, daysSinceTraining: index - trained });
  }
  return life;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const round = (value: number, digits = 4): number => Number(value.toPrecision(digits));

/** What the monitor and the tasks of the DAG post in the morning of a day. */
export function measuredOn(model: DemoModel, day: Day, start: number, chance: Chance): readonly Measurement[] {
  const at = iso(start + 6 * 3_600_000);
  const weekday = new Date(start).getUTCDay();
  const isWeekend = weekday === 0 || weekday === 6;
  const values: Measurement[] = [];
  const add = (name: string, value: number, unit: string, labels: Record<string, string> = {}) =>
    values.push({ name, unit, value: round(value), labels, at });
  const noise = (size: number): number => 1 + size * chance.normal();
  for (const [i, feature] of model.features.entries()) {
    // The first feature moves most: a break has a place.
    const share = i === 0 ? 1 : 0.35 / i;
    add('model.drift.psi', Math.abs(0.02 * noise(0.4) + 0.45 * day.shift * share * noise(0.08)), '1', { feature });
  }
  add('model.prediction.psi', Math.abs(0.015 * noise(0.4) + 0.3 * day.shift * noise(0.08)), '1');
  if (model.task === 'binary') add('model.quality.auc', model.quality - 0.13 * day.shift + 0.004 * chance.normal(), '1');
  else add('model.quality.rmse', (1 - model.quality) * 100 * (1 + 0.6 * day.shift) * noise(0.02), '1');
  const requests = model.traffic * (isWeekend ? 0.55 : 1) * noise(0.08);
  add('model.requests', Math.max(1, Math.round(requests)), '{request}');
  add('model.latency.p95', 0.04 * (1 + model.traffic / 20_000) * noise(0.1), 's');
  add('model.age', day.daysSinceTraining, 'd');
  for (const [task, cpu, memory] of [
    ['features', 900, 2.4],
    ['score', 240, 1.1],
  ] as const) {
    const size = Math.sqrt(model.traffic / 1000);
    add('task.cpu', cpu * size * noise(0.12), 's', { task });
    add('task.memory', memory * 1e9 * Math.sqrt(size) * noise(0.05), 'By', { task });
  }
  if (day.daysSinceTraining === 0) {
    add('task.cpu', 7200 * Math.sqrt(model.traffic / 1000) * noise(0.2), 's', { task: 'train' });
    add('task.memory', 9e9 * noise(0.1), 'By', { task: 'train' });
  }
  return values;
}
