/** Words and numbers of the pages. */
import { bandOf } from '../../kernel/score.ts';
import { bandBorders } from '../store/fleet.ts';

/** Short names of the paper's bands; the last stands for models without a score. */
export const bandNames = [
  'Research project',
  'Possible serious holes',
  'First pass',
  'Reasonably tested',
  'Strong',
  'Exceptional',
] as const;

export const bandRanges = bandBorders.map((border, index) => (index === 0 ? '0' : `over ${bandBorders[index - 1]} to ${border}`));

/** Index of a score's band. */
export const bandIndex = (score: number): number =>
  Math.max(
    0,
    bandBorders.findIndex((border) => bandOf(border) === bandOf(score)),
  );

export const count = (n: number): string => n.toLocaleString('en-US');

export const share = (part: number, whole: number): string => {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return `${percent > 0 && percent < 1 ? '< 1' : Math.round(percent)} %`;
};

export const sectionTitles = {
  data: 'Features and data',
  model: 'Model development',
  infra: 'ML infrastructure',
  monitor: 'Monitoring',
} as const;

export const day = (at: Date): string => at.toISOString().slice(0, 10);
export const minute = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')}`;

/** Whom a dashboard is for. */
export const audienceOf = ({ isShared, namespace }: { readonly isShared: boolean; readonly namespace: string }): string =>
  isShared ? 'every reader' : namespace === '' ? 'readers of all projects' : `readers of ${namespace}`;
