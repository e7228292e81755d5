/** Options of the gate; each overrides a key of the manifest's `gate`. */
export const gateOptions = {
  gate: {
    type: 'string',
    description: 'advisory reports, blocking fails the job.',
    options: ['', 'advisory', 'blocking'],
    default: '',
    manifest: 'gate.mode',
  },
  'min-score': {
    type: 'string',
    description: 'Least ML Test Score (passing score), 0 to 7.',
    regex: '^([0-7](\\.[0-9]+)?)?$',
    form: 'a number from 0 to 7',
    default: '',
    manifest: 'gate.min-score',
  },
  'min-section-score': {
    type: 'string',
    description: 'Least passing score of every section, 0 to 7.',
    regex: '^([0-7](\\.[0-9]+)?)?$',
    form: 'a number from 0 to 7',
    default: '',
    manifest: 'gate.min-section-score',
  },
  'min-structure': {
    type: 'string',
    description: 'Least structure score, 0 to 1.',
    regex: '^(0(\\.[0-9]+)?|1(\\.0+)?)?$',
    form: 'a number from 0 to 1',
    default: '',
    manifest: 'gate.min-structure',
  },
  'max-severity': {
    type: 'string',
    description: 'Worst severity of an unwaived failure that may pass.',
    options: ['', 'none', 'info', 'minor', 'major', 'critical', 'blocker'],
    default: '',
    manifest: 'gate.max-severity',
  },
} as const;
