/** Options that only components have: where a job runs and where it gets the command from. */

/** Images are pinned by tag or digest; nothing in a name of an image can start a variable. */
const imageRegex = '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$';

export const pipelineOptions = {
  stage: { type: 'string', description: 'Stage of the jobs.', default: 'test', regex: '^[A-Za-z0-9._ -]+$' },
  'job-prefix': {
    type: 'string',
    description: 'Before the names of the jobs.',
    default: '',
    regex: '^([A-Za-z0-9][A-Za-z0-9._: -]*)?$',
  },
  image: {
    type: 'string',
    description: "Image of the jobs that run the model's code: the model's own.",
    default: 'python:3.11',
    regex: imageRegex,
  },
  'report-image': {
    type: 'string',
    description: 'Image of the report job, which runs no code of the repo: needs curl or Python, and git.',
    default: 'buildpack-deps:bookworm-scm',
    regex: imageRegex,
  },
  'build-image': {
    type: 'string',
    description:
      'Image of the job that builds: git, curl or Python, and buildah to build a Dockerfile; without it, append builds.',
    default: 'buildpack-deps:bookworm-scm',
    regex: imageRegex,
  },
  'build-when': {
    type: 'string',
    description: 'on_success: the image of the model is built; never: it is not.',
    options: ['never', 'on_success'],
    default: 'never',
  },
  'deploy-when': {
    type: 'string',
    description:
      'manual: a person starts the deployment; on_success: it follows the jobs before it; never: nothing but merge requests is deployed.',
    options: ['never', 'manual', 'on_success'],
    default: 'manual',
  },
  'review-when': {
    type: 'string',
    description:
      'never: merge requests deploy nothing; manual: a person starts the deployment of a merge request; on_success: it follows the jobs before it.',
    options: ['never', 'manual', 'on_success'],
    default: 'never',
  },
  cli: {
    type: 'string',
    description:
      'archive: the released, checksummed command; path: the one on PATH of the image (the judged image then supplies the judge).',
    options: ['archive', 'path'],
    default: 'archive',
  },
  'cli-url': {
    type: 'string',
    description: "Address of a folder that mirrors the release's archives; empty: the package registry of this GitLab.",
    regex: '^(https?://[A-Za-z0-9._~:/%\\[\\]-]+)?$',
    default: '',
  },
  parallel: {
    type: 'number',
    description: 'Jobs among which the tests of the rubric are divided, balanced by what they cost: 1 to 28.',
    default: 1,
  },
  'model-dir': {
    type: 'string',
    description: 'Folder of the model inside the repo.',
    default: '.',
    regex: '^(\\.|\\.?[A-Za-z0-9_][A-Za-z0-9._-]*(/\\.?[A-Za-z0-9_][A-Za-z0-9._-]*)*)$',
  },
} as const;
