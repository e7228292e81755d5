/** The last report that counts of a model, as Control Tower's `GET /v1/standing` tells it. */
import type { Standing } from '../kernel/comparison.ts';
import type { Answer } from '../kernel/world.ts';
import { askTower, type HistoryOptions, notTower } from './history.ts';

type Loose = Readonly<Record<string, unknown>>;

const isScore = (value: unknown): boolean => value === null || typeof value === 'number';
const isList = (value: unknown, isRight: (item: Loose) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null && isRight(item as Loose));

/** What is compared must be there; nothing else of it is used. */
const isStanding = (value: unknown): value is Standing => {
  const { at, suites } = (value ?? {}) as Loose;
  return (
    typeof at === 'string' &&
    !Number.isNaN(Date.parse(at)) &&
    isList(
      suites,
      (suite) =>
        typeof suite.id === 'string' &&
        isScore(suite.score) &&
        isScore(suite.paperScore) &&
        isList(
          suite.sections,
          (section) =>
            isScore(section.score) &&
            isList(section.results, ({ check, outcome }) => typeof check === 'string' && typeof outcome === 'string'),
        ),
    )
  );
};

export async function readStanding(options: HistoryOptions): Promise<Answer<Standing>> {
  const answer = await askTower(options, '/v1/standing', [['model', options.model]]);
  if (!answer.ok) return answer;
  try {
    const value: unknown = JSON.parse(answer.value);
    return isStanding(value) ? { ok: true, value } : notTower(options.url);
  } catch {
    return notTower(options.url);
  }
}
