/** Wires the structure suite: adapters, rules, run, report. */
import { openGitLab } from '../adapters/gitlab.ts';
import { runSuite } from '../engine/run.ts';
import { selectChecks } from '../engine/select.ts';
import { metricsOf } from '../kernel/metrics.ts';
import type { Context, Invocation } from './command.ts';
import { finish } from './finish.ts';
import { optionValue } from './options.ts';
import { openRepo, reportOf } from './repo.ts';
import { structureRules } from './structure-rules.ts';
import { triggerOf } from './surroundings.ts';

/** `flightcheck check`. */
export async function checkStructure(context: Context, invocation: Invocation): Promise<number> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = repo.manifest.value;
  const rules = await structureRules(repo);
  const selected = selectChecks(rules.suite, {
    only: optionValue(invocation, 'only'),
    skip: optionValue(invocation, 'skip'),
    severities: manifest?.structure.severities ?? {},
  });
  const result = await context.log.step('Checking the structure', async (update) => {
    let done = 0;
    const total = selected.sections.reduce((sum, section) => sum + section.checks.length, 0);
    return runSuite({
      suite: selected,
      load: rules.load,
      world: { manifest: repo.manifest, files: repo.files, git: repo.git, gitlab: openGitLab(context.env) },
      trigger: triggerOf(context.env),
      concurrency: 8,
      signal: context.signal,
      onResult: () => {
        done += 1;
        if (done % 10 === 0) update(`${done} of ${total}`);
      },
    });
  });
  const report = reportOf(context, repo, 'check', [result], { metrics: metricsOf([result]) });
  return finish(context, invocation, { root: repo.root, report, gate: manifest?.gate, waivers: manifest?.waivers ?? [] });
}
