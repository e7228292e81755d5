import { unpinnedBases } from '../../../src/facts/dockerfile-problems.ts';
import { defineCheck, judge, notApplicable } from '../../../src/kernel/check.ts';
import { dockerfilesOf } from '../lib/dockerfiles.ts';

export default defineCheck({
  title: 'The base image is pinned',
  why: 'The image behind latest changes under the model; nobody can build last year’s container again.',
  fix: 'Name a version and its digest: FROM python:3.11.9-slim@sha256:…',
  reference: 'https://docs.docker.com/build/building/best-practices/#pin-base-image-versions',
  inputs: { digest: { type: 'boolean', description: 'A version is not enough, the digest must be named.', default: false } },
  needs: ['files'],
  async run({ files }, { digest: needsDigest }) {
    const dockerfiles = await dockerfilesOf(files);
    if (dockerfiles.length === 0) return notApplicable('the repo has no Dockerfile');
    return judge(
      dockerfiles.flatMap(({ path, dockerfile }) =>
        unpinnedBases(dockerfile, needsDigest).map(({ message, line }) => ({ message, place: { path, line } })),
      ),
    );
  },
});
