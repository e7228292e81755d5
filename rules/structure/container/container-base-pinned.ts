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
        dockerfile.stages.flatMap(({ image, tag, digest, isInternal, line }) => {
          if (isInternal || digest !== null) return [];
          const place = { path, line };
          if (tag === null) return [{ message: `${image} has no version`, place }];
          if (!/\d/.test(tag)) return [{ message: `${image}:${tag} is no fixed version`, place }];
          return needsDigest ? [{ message: `${image}:${tag} has no digest`, place }] : [];
        }),
      ),
    );
  },
});
