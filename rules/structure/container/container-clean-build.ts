import { bakedSecrets, uncheckedDownloads } from '../../../src/facts/dockerfile-problems.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { dockerfilesOf } from '../lib/dockerfiles.ts';

export default defineCheck({
  title: 'The image takes in no secrets and nothing unchecked',
  why: 'What a layer once held can be read by everyone who can pull the image; a download can be another one tomorrow.',
  fix: 'Use RUN --mount=type=secret for secrets, ADD --checksum=sha256:… for downloads, and a .dockerignore.',
  reference: 'https://docs.docker.com/build/building/secrets/',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const dockerfiles = await dockerfilesOf(files);
    if (dockerfiles.length === 0) return notApplicable('the repo has no Dockerfile');
    const findings: Finding[] = [];
    for (const { path, dockerfile } of dockerfiles) {
      for (const { message, line } of [...bakedSecrets(dockerfile), ...uncheckedDownloads(dockerfile)])
        findings.push({ message, place: { path, line } });
      const everything = dockerfile.instructions.find(
        (each) =>
          /^(COPY|ADD)$/.test(each.keyword) &&
          !/--from=/.test(each.arguments) &&
          /^(?:--\S+\s+)*\.\/?\s/.test(each.arguments.trim()),
      );
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
      const ignoring = ['.dockerignore', `${folder}.dockerignore`, `${path}.dockerignore`];
      if (everything && !ignoring.some((each) => files.has(each)))
        findings.push({
          message: `${path} copies the whole folder, .git and data included, and there is no .dockerignore`,
          fix: 'Add .dockerignore with .git, data/ and .env.',
          place: { path, line: everything.line },
        });
    }
    return judge(findings);
  },
});
