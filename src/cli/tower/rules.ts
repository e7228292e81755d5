/** The rules of the manifest as Control Tower takes them. */
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Report } from '../../kernel/report.ts';

type Rule = ResolvedManifest['monitor']['rules'][number];

function ruleOf({ when, ...rule }: Rule): NonNullable<Report['rules']>[number] {
  const { limit, absentHours, of = 'value', ...more } = when;
  return {
    ...rule,
    when: { ...(limit !== undefined && { of, limit }), ...more, ...(absentHours !== undefined && { absentHours }) },
  };
}

/** All of them: those that are not named end there. Undefined where the manifest cannot be read, and nothing is said of them. */
export const rulesOf = (manifest: ResolvedManifest | null): Report['rules'] => manifest?.monitor.rules.map(ruleOf);
