import { rootUser } from '../../../src/facts/dockerfile-problems.ts';
import { defineCheck, judge, notApplicable } from '../../../src/kernel/check.ts';
import { dockerfilesOf } from '../lib/dockerfiles.ts';

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
    return judge(
      dockerfiles.flatMap(({ path, dockerfile }) =>
        rootUser(dockerfile, path).map(({ message, line }) => ({ message, place: { path, line } })),
      ),
    );
  },
});
