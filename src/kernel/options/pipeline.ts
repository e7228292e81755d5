/** Options that only components have: where a job runs and where it gets the command from. */
export const pipelineOptions = {
  stage: { type: 'string', description: 'Stage of the jobs.', default: 'test', regex: '^[A-Za-z0-9._ -]+$' },
  'job-prefix': { type: 'string', description: 'Before the names of the jobs.', default: '', regex: '^[A-Za-z0-9._: -]*$' },
  image: {
    type: 'string',
    description: "Image of the jobs: the model's own for jobs that run hooks.",
    default: 'python:3.11',
    regex: '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$',
  },
  cli: {
    type: 'string',
    description:
      'archive: the released, checksummed command; path: the one on PATH of the image (the judged image then supplies the judge).',
    options: ['archive', 'path'],
    default: 'archive',
  },
  'model-dir': {
    type: 'string',
    description: 'Folder of the model inside the repo.',
    default: '.',
    regex: '^[A-Za-z0-9._-][A-Za-z0-9._/-]*$',
  },
} as const;
