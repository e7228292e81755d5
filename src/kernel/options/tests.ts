/** Options of the unit tests. An empty value leaves the manifest's in force. */
export const testsOptions = {
  'tests-minutes': {
    type: 'string',
    description: 'Wall time of all unit tests.',
    regex: '^([0-9]+(\\.[0-9]+)?)?$',
    form: 'a number',
    default: '',
    manifest: 'tests.minutes',
  },
} as const;
