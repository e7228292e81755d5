/** What a deployment would change, for a terminal and a merge request. */

export interface PlannedChange {
  readonly of: string;
  readonly what: 'added' | 'removed' | 'changed';
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
}

const short = (text: string | undefined): string => {
  const line = (text ?? '').replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
};

const marks = { added: '+', removed: '-', changed: '~' } as const;

/** One line per change. */
export function renderChanges(plan: {
  readonly dagId: string;
  readonly changes: readonly PlannedChange[];
  readonly isForeign: boolean;
}): string {
  const { dagId, changes, isForeign } = plan;
  if (changes.length === 0) return `Nothing to do: Airflow schedules ${dagId} exactly as this commit renders it.\n`;
  const head = isForeign
    ? `${dagId} is in Airflow, but was not deployed by Flightcheck; it would be replaced:`
    : `${dagId} would change:`;
  const lines = changes.map(({ of, what, key, from, to }) =>
    what === 'changed' ? `  ${marks[what]} ${of}.${key}: ${short(from)} -> ${short(to)}` : `  ${marks[what]} ${of}`,
  );
  return `${[head, ...lines].join('\n')}\n`;
}
