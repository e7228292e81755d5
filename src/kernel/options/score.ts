/** Options of the rubric. An empty value leaves the manifest's in force. */
export const scoreOptions = {
  section: {
    type: 'string',
    description: 'Only one section of the rubric.',
    options: ['', 'data', 'model', 'infra', 'monitor'],
    default: '',
  },
  'budget-minutes': {
    type: 'string',
    description: 'Wall time of one run of the rubric.',
    regex: '^([0-9]+(\\.[0-9]+)?)?$',
    form: 'a number',
    default: '',
    manifest: 'budget.minutes',
  },
  'budget-trains': {
    type: 'string',
    description: 'Trainings in one run of the rubric.',
    regex: '^([0-9]+)?$',
    form: 'a whole number',
    default: '',
    manifest: 'budget.trains',
  },
  'budget-parallel': {
    type: 'string',
    description: 'Hooks at the same time.',
    regex: '^([1-9][0-9]?)?$',
    form: 'a whole number from 1 to 99',
    default: '',
    manifest: 'budget.parallel',
  },
  shard: {
    type: 'string',
    description:
      'Only a part of the tests, as I/N; report merges the parts. Default in parallel jobs: CI_NODE_INDEX/CI_NODE_TOTAL.',
    regex: '^([1-9][0-9]{0,2}/[1-9][0-9]{0,2})?$',
    form: 'I/N like 2/4',
    default: '',
  },
  cache: {
    type: 'string',
    description: 'Folder of the hook cache; off runs every hook.',
    default: '.flightcheck-cache',
    regex: '^\\.?[A-Za-z0-9_][A-Za-z0-9._-]*(/\\.?[A-Za-z0-9_][A-Za-z0-9._-]*)*$',
  },
} as const;
