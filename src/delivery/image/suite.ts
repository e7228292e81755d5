/** A build as a suite of a report. */
import type { SuiteReport } from '../../kernel/report.ts';
import { explainSteps, type StepWords, stepsSuite } from '../steps.ts';
import type { BuildStepId, ImageBuild } from './build.ts';

const steps: Readonly<Record<BuildStepId, StepWords>> = {
  builder: {
    title: 'This runner can build',
    why: 'A build that begins on a runner that forbids it fails late.',
    fix: 'See which setting is missing.',
  },
  sbom: {
    title: 'What is in the image is known',
    why: 'A vulnerability is found in what is listed, and in nothing else.',
    fix: 'Lock the dependencies, with hashes.',
  },
  lint: {
    title: 'The Dockerfile is safe to build',
    why: 'What stands in it is in the image: a secret, root, a base that is another one tomorrow.',
    fix: 'Mend the lines that are named.',
  },
  image: { title: 'The image builds', why: 'What cannot be built cannot be deployed.', fix: 'Read the last lines of the build.' },
  reproducible: {
    title: 'The same commit gives the same image',
    why: 'An image that nobody can build again cannot be audited.',
    fix: 'Pin the base by digest, lock the packages, remove logs and caches in the same RUN.',
  },
  smoke: {
    title: 'The image starts',
    why: 'An image that builds may still lack what its program needs.',
    fix: "Read the program's last lines.",
  },
  push: {
    title: 'The image is in the registry',
    why: 'Only from there can it be run.',
    fix: 'Check the credentials of the registry.',
  },
  digest: {
    title: 'The registry holds what was built',
    why: 'A tag can be moved by anybody; a digest cannot.',
    fix: 'Somebody pushed the same tag: build again, with a tag of its own.',
  },
  source: {
    title: 'The image to promote is there',
    why: 'What is released is what was tested, never a new build.',
    fix: 'Name an image that the registry holds.',
  },
  previous: {
    title: 'What had the tag before keeps one',
    why: 'A registry removes what has no tag, and a rollback needs it.',
    fix: 'See what the registry says.',
  },
  tag: {
    title: 'The image has its new tag',
    why: 'People and clean-up policies go by tags.',
    fix: 'Check the credentials of the registry.',
  },
};

const suite = { id: 'build', title: 'Container image' } as const;

export const buildExplained = explainSteps(suite, steps);

export const buildSuite = (build: ImageBuild, trigger: string): SuiteReport => stepsSuite(suite, build.steps, steps, trigger);
