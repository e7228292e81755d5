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
    default: '',
    manifest: 'budget.minutes',
  },
  'budget-trains': {
    type: 'string',
    description: 'Trainings in one run of the rubric.',
    regex: '^([0-9]+)?$',
    default: '',
    manifest: 'budget.trains',
  },
  parallel: {
    type: 'string',
    description: 'Hooks at the same time.',
    regex: '^([1-9][0-9]?)?$',
    default: '',
    manifest: 'budget.parallel',
  },
  cache: {
    type: 'string',
    description: 'Folder of the hook cache; off runs every hook.',
    default: '.flightcheck-cache',
    regex: '^\\.?[A-Za-z0-9_][A-Za-z0-9._-]*(/\\.?[A-Za-z0-9_][A-Za-z0-9._-]*)*$',
  },
} as const;
