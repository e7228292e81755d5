import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';
import { pipelineOf } from '../lib/ci.ts';

/** Keys that decide whether, where and with what a job runs. */
const deciding = [
  'allow_failure',
  'rules',
  'script',
  'before_script',
  'after_script',
  'image',
  'when',
  'only',
  'except',
  'extends',
  'artifacts',
  'run',
  'hooks',
  'inherit',
];

export default defineCheck({
  title: 'No included check is weakened',
  why: 'Includes merge: a job of the same name in this file can switch a check off while its badge stays green.',
  fix: 'Remove the keys and use the component’s inputs; an exception belongs under waivers in flightcheck.yml.',
  reference: 'https://docs.gitlab.com/ci/yaml/includes/#override-included-configuration-values',
  inputs: {
    jobs: {
      type: 'array',
      description: 'Names of the jobs that the components bring.',
      default: ['structure', 'unit-tests', 'ml-test-score', 'container-build', 'dag-deploy', 'monitor', 'reproduce', 'report'],
    },
  },
  needs: ['files'],
  async run({ files }, { jobs }) {
    const ci = await pipelineOf(files);
    const includes = ci?.includes.filter((include) => include.kind !== 'local' && /flightcheck/i.test(include.target)) ?? [];
    if (!ci || includes.length === 0) return notApplicable('the pipeline does not include Flightcheck');
    const prefixes = includes.map((include) => String(include.inputs['job-prefix'] ?? ''));
    const ours = new Set(prefixes.flatMap((prefix) => jobs.map((job) => `${prefix}${job}`)));
    const findings: Finding[] = [];
    for (const [name, job] of ci.jobs) {
      if (!ours.has(name)) continue;
      for (const key of Object.keys(job).filter((each) => deciding.includes(each)))
        findings.push({
          message: `The included job ${name} is changed: ${key}`,
          place: ci.place([name, key]) ?? { path: '.gitlab-ci.yml' },
        });
    }
    for (const { job, name, place } of ci.variables)
      if (name.startsWith('FLIGHTCHECK_'))
        findings.push({
          message: `${name} is set ${job === '' ? 'for all jobs' : `in ${job}`}, past the component’s inputs`,
          place: place ?? { path: '.gitlab-ci.yml' },
        });
    return judge(capped(findings));
  },
});
