import { looksRandom, secretsIn } from '../../../src/facts/secrets.ts';
import { defineCheck, judge, notApplicable } from '../../../src/kernel/check.ts';
import { pipelineOf } from '../lib/ci.ts';

const telling = /(?:^|_)(?:TOKEN|PASSWORD|PASSWD|PASS|SECRET|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)$/i;

export default defineCheck({
  title: 'No secret stands in the pipeline in clear',
  why: 'Whoever can read the repo or a job’s log can use it.',
  fix: 'Revoke it and define a masked, protected CI/CD variable, or read it from a secret store with id_tokens.',
  reference: 'https://docs.gitlab.com/ci/variables/#cicd-variable-security',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const ci = await pipelineOf(files);
    if (!ci) return notApplicable('there is no .gitlab-ci.yml that can be read');
    const bad = ci.variables.filter(
      ({ name, value }) =>
        !value.includes('$') && (secretsIn(value).length > 0 || (telling.test(name) && value.length >= 12 && looksRandom(value))),
    );
    return judge(
      bad.map(({ name, job, place }) => ({
        message: `The variable ${name}${job === '' ? '' : ` of ${job}`} holds a secret`,
        place: place ?? { path: '.gitlab-ci.yml' },
      })),
    );
  },
});
