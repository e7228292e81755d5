import { didYouMean } from '../../../src/facts/did-you-mean.ts';
import { findCycle } from '../../../src/facts/graph.ts';
import { isMap } from '../../../src/facts/is-map.ts';
import { defineCheck, type Finding, judge, notApplicable, skipped } from '../../../src/kernel/check.ts';

type Plain = Readonly<Record<string, unknown>>;

const namesOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : typeof value === 'string' ? [value] : [];

export default defineCheck({
  title: 'The DAG is valid and every task has its limits',
  why: 'A cycle never starts, and a task without timeout, retries and resources can hold a cluster for a night.',
  fix: 'Mend dependsOn, and set timeout, retries and resources for each task or once under defaults in flightcheck.yml.',
  inputs: {},
  needs: ['manifest'],
  run({ manifest }) {
    if (!manifest.exists) return notApplicable('there is no flightcheck.yml');
    if (manifest.value === null)
      return skipped('flightcheck.yml is not valid', { nextStep: 'Mend what the rule manifest-valid found.' });
    const tasks: Plain = isMap(manifest.value.tasks) ? manifest.value.tasks : {};
    const defaults: Plain = isMap(manifest.value.defaults) ? manifest.value.defaults : {};
    const ids = Object.keys(tasks);
    if (ids.length === 0) return notApplicable('the manifest has no tasks');
    const placeOf = (id: string) => manifest.place(`tasks.${id}`) ?? { path: manifest.path };
    const findings: Finding[] = [];
    const graph = new Map<string, readonly string[]>();
    for (const id of ids) {
      const task = tasks[id];
      const given = isMap(task) ? task : {};
      const dependencies = namesOf(given.dependsOn);
      graph.set(id, dependencies);
      for (const name of dependencies) {
        if (ids.includes(name)) continue;
        const guess = didYouMean(name, ids);
        findings.push({
          message: `The task ${id} depends on ${name}, which does not exist${guess ? `; did you mean ${guess}?` : ''}`,
          place: placeOf(id),
        });
      }
      const missing = ['timeout', 'retries', 'resources'].filter(
        (key) => given[key] === undefined && defaults[key] === undefined,
      );
      if (missing.length > 0) findings.push({ message: `The task ${id} has no ${missing.join(', ')}`, place: placeOf(id) });
    }
    const cycle = findCycle(graph);
    if (cycle) findings.push({ message: `The tasks wait for each other: ${cycle.join(' -> ')}`, place: placeOf(cycle[0] ?? '') });
    return judge(findings);
  },
});
