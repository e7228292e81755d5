import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { dockerfilesOf } from '../lib/dockerfiles.ts';

/** Images that already run as somebody else. */
const unprivileged = /nonroot|distroless|chainguard|bitnami|jupyter\/|apache\/airflow|mambaorg\/micromamba|unprivileged/i;

export default defineCheck({
  title: 'The container does not run as root',
  why: 'A model that is tricked into running code should not own the container, and many clusters refuse root.',
  fix: 'Add RUN useradd --uid 10001 --create-home app and USER 10001 at the end of the Dockerfile.',
  reference: 'https://docs.docker.com/build/building/best-practices/#user',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const dockerfiles = await dockerfilesOf(files);
    if (dockerfiles.length === 0) return notApplicable('the repo has no Dockerfile');
    const findings: Finding[] = [];
    for (const { path, dockerfile } of dockerfiles) {
      const last = dockerfile.stages.at(-1);
      if (!last) {
        findings.push({ message: `${path} has no FROM`, place: { path, line: 1 } });
        continue;
      }
      if (last.user === null && unprivileged.test(`${last.image}:${last.tag}`)) continue;
      if (last.user === null)
        findings.push({ message: `${path} sets no USER, the container runs as root`, place: { path, line: last.line } });
      else if (/^(root|0)(:|$)/.test(last.user.name))
        findings.push({ message: `${path} ends with USER ${last.user.name}`, place: { path, line: last.user.line } });
    }
    return judge(findings);
  },
});
