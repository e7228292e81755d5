/** Reports for the Tower's tests: the shape that the runners write, with numbers of the test's choosing. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Metric, Outcome, Report, Result } from '../../src/kernel/report.ts';
import { scoreSuite } from '../../src/kernel/score.ts';
import { rescore } from '../../src/tower/rescore.ts';
import type { Submission, Writer } from '../../src/tower/store/write-report.ts';

export interface SampleOptions {
  readonly name?: string;
  readonly title?: string;
  readonly owner?: string | null;
  readonly tier?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly at?: string;
  readonly jobId?: string | null;
  readonly commit?: string | null;
  readonly trigger?: string;
  /** Tests that pass in each section, the rest are skipped. */
  readonly passing?: Readonly<Record<'data' | 'model' | 'infra' | 'monitor', number>>;
  /** Outcome by check id, instead of the above. */
  readonly outcomes?: Readonly<Record<string, Outcome>>;
  readonly structure?: readonly Outcome[];
  readonly metrics?: readonly Metric[];
  readonly gate?: Report['gate'];
  readonly waivers?: Report['waivers'];
  /** Of Control Tower, that started the pipeline. */
  readonly alert?: string;
}

const sectionTitles = {
  data: 'Features and data',
  model: 'Model development',
  infra: 'ML infrastructure',
  monitor: 'Monitoring',
};

function result(check: string, outcome: Outcome, title = `${check} is what it should be`): Result {
  return {
    check,
    title,
    why: `Without ${check} a fault would go unseen.`,
    fix: `Do what ${check} asks for.`,
    severity: 'major',
    weight: 1,
    outcome,
    findings: outcome === 'fail' ? [{ message: `${check} found something`, place: { path: 'flightcheck.yml', line: 3 } }] : [],
    seconds: 0.25,
    ...(outcome === 'skipped' && { reason: 'It needs data that is not named.', nextStep: 'Name data.serving.' }),
    ...(outcome === 'pass' && {
      evidence: { explanation: `${check} holds.`, value: 0.01, threshold: 0.2, unit: 'psi', n: 1000 },
    }),
  };
}

export function sampleReport(options: SampleOptions = {}): Report {
  const { passing = { data: 3, model: 2, infra: 3, monitor: 2 }, outcomes = {}, trigger = 'push' } = options;
  const grouped = (['data', 'model', 'infra', 'monitor'] as const).map((id) => ({
    id,
    title: sectionTitles[id],
    results: Array.from({ length: 7 }, (_, i) =>
      result(`${id}-${i + 1}`, outcomes[`${id}-${i + 1}`] ?? (i < passing[id] ? 'pass' : 'skipped')),
    ),
  }));
  const structure = (options.structure ?? ['pass', 'pass', 'pass', 'fail']).map((outcome, i) =>
    result(`layout-rule-${i + 1}`, outcome),
  );
  return {
    schema: 1,
    runner: 'report',
    tool: { name: 'flightcheck', version: '0.1.0' },
    at: options.at ?? '2026-03-01T10:00:00Z',
    seconds: 12.5,
    complete: true,
    model: {
      name: options.name ?? 'late-lodgement-risk',
      title: options.title ?? 'Late lodgement risk',
      owner: options.owner === undefined ? '@debt-analytics' : options.owner,
      tier: options.tier ?? 'critical',
      task: 'binary',
      language: 'python',
      labels: options.labels ?? { business_unit: 'debt', region: 'au' },
    },
    source: {
      commit: options.commit === undefined ? 'a'.repeat(40) : options.commit,
      ref: 'main',
      project: 'risk/late-lodgement',
    },
    run: {
      ...{ trigger, projectId: null, pipelineId: '77', jobId: options.jobId === undefined ? '1001' : options.jobId },
      ...(options.alert !== undefined && { alert: options.alert }),
    },
    suites: [
      scoreSuite(
        { id: 'structure', title: 'Project structure', method: 'weighted-mean' },
        [{ id: 'layout', title: 'Layout', results: structure }],
        trigger,
      ),
      scoreSuite({ id: 'ml-test-score', title: 'ML Test Score', method: 'ml-test-score' }, grouped, trigger),
    ],
    metrics: options.metrics ?? [{ name: 'model.quality.auc', value: 0.81, unit: '1', labels: { slice: 'all' } }],
    ...(options.gate && { gate: options.gate }),
    ...(options.waivers && { waivers: options.waivers }),
  };
}

export const localWriter: Writer = {
  issuer: 'local',
  projectId: 'risk/late-lodgement',
  projectPath: 'risk/late-lodgement',
  namespaceId: null,
  namespacePath: null,
  name: 'token operator',
};

/** What the API hands the store. */
export function submissionOf(report: Report, more: Partial<Submission> = {}): Submission {
  const bytes = Buffer.from(JSON.stringify(report));
  return {
    writer: localWriter,
    report: rescore(report, report.run.trigger),
    refClass: 'authoritative',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    body: gzipSync(bytes),
    idempotencyKey: null,
    ...more,
  };
}
