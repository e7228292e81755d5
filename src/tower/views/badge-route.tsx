/** GET /badge/{id}.svg: the score of a model, for a README. Readers alone see it, unless the address is signed, or the model's label `public_badge` is `true`. */
import type { Context } from 'hono';
import { bandOf } from '../../kernel/score.ts';
import { formatScore } from '../../reports/words.ts';
import { type BadgeKind, badgeToSignSchema, isSigned } from '../api/badges.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf, type QuerySchema, queryReader } from '../api/query.ts';
import type { Database } from '../store/database.ts';
import { type Model, readModel } from '../store/read-model.ts';
import { isModelInScope } from '../store/scope.ts';
import { withMarksSeen } from './layout.tsx';
import { bandIndex } from './words.ts';

export const badgeQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    show: badgeToSignSchema.properties.show,
    expires: { type: 'integer', description: 'Of a signed address: seconds since 1970.', minimum: 0, maximum: 1e11 },
    signature: { type: 'string', description: 'Of a signed address.', maxLength: 100 },
  },
} as const satisfies QuerySchema;

const readQuery = queryReader<{ readonly show: BadgeKind; readonly expires?: number; readonly signature?: string }>(badgeQuery);

interface Badge {
  readonly label: string;
  readonly value: string;
  readonly title: string;
  readonly color: string;
}

/** White text stands on each with a contrast of at least 4.5. */
const grey = '#57606a';
const bandColors = ['#a4262c', '#a4262c', '#8a5300', '#6b5b00', '#1a6b37', '#1a6b37'] as const;

function badgeOf(model: Model, show: BadgeKind): Badge {
  if (show === 'gate') {
    const { isGatePassed: isOpen } = model;
    const value = isOpen === null ? 'no gate' : isOpen ? 'open' : 'shut';
    return {
      label: 'gate',
      value,
      title: `Gate of ${model.name}: ${value}`,
      color: isOpen === null ? grey : isOpen ? '#1a6b37' : '#a4262c',
    };
  }
  if (show === 'structure') {
    const { structureScore: score } = model;
    const value = score === null ? 'unknown' : `${Math.floor(score * 100)} %`;
    const color = score === null ? grey : score >= 0.9 ? '#1a6b37' : score >= 0.6 ? '#8a5300' : '#a4262c';
    return { label: 'structure', value, title: `Structure of ${model.name}: ${value}`, color };
  }
  const { score } = model;
  if (score === null) return { label: 'ML Test Score', value: 'unknown', title: `${model.name} has no score yet`, color: grey };
  const value = `${formatScore(score)} of 7`;
  return {
    label: 'ML Test Score',
    value,
    title: `ML Test Score of ${model.name}: ${value}, ${bandOf(score)}`,
    color: bandColors[bandIndex(score)] ?? grey,
  };
}

/** Of Verdana at 11 pixels, about. */
const widthOf = (text: string): number => Math.round(text.length * 6.6) + 12;

function Svg({ label, value, title, color }: Badge) {
  const [left, right] = [widthOf(label), widthOf(value)];
  return (
    <svg xmlns="http://www.w3.org/2000/svg" width={left + right} height="20" role="img" aria-label={title}>
      <title>{title}</title>
      <rect width={left + right} height="20" rx="3" fill="#24292f" />
      <path d={`M${left} 0h${right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-${right - 3}z`} fill={color} />
      <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
        <text x={left / 2} y="14" textLength={left - 12}>
          {label}
        </text>
        <text x={left + right / 2} y="14" textLength={right - 12}>
          {value}
        </text>
      </g>
    </svg>
  );
}

export const badgeRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const id = idOf(/^(.+)\.svg$/.exec(c.req.param('file') ?? '')?.[1] ?? '');
    const { show, expires, signature } = readQuery(c.req.url);
    const model = await readModel(db, id);
    const isShown =
      model &&
      (model.labels.public_badge === 'true' ||
        (expires !== undefined &&
          signature !== undefined &&
          (await isSigned(db, { id, show, expires }, signature, new Date()))) ||
        (!c.get('isStranger') && (await isModelInScope(db, id, c.get('scope')))));
    // Whether there is such a model is not told either.
    if (!isShown) throw new HttpProblem('not-found', 'There is no such badge, or it is not public.');
    return c.body(withMarksSeen(String(<Svg {...badgeOf(model, show)} />)), 200, {
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'no-cache',
    });
  };
