/** Options of the deployment of a DAG. */
export const deployOptions = {
  env: {
    type: 'string',
    description: 'Environment of flightcheck.yml to deploy to.',
    regex: '^([a-z0-9][a-z0-9-]{0,30})?$',
    default: '',
  },
  'review-env': {
    type: 'string',
    description: 'Environment of flightcheck.yml to which merge requests deploy, each a DAG of its own.',
    regex: '^[a-z0-9][a-z0-9-]{0,30}$',
    default: 'review',
  },
  'task-image': {
    type: 'string',
    description: 'Image, by digest, of the tasks that name none. Default: what the build job handed over.',
    regex: '^([A-Za-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64})?$',
    default: '',
  },
} as const;
