/** Where reports are posted. */
export const towerOptions = {
  'tower-url': {
    type: 'string',
    description: 'Address of Control Tower; empty posts nothing.',
    regex: '^(https?://[A-Za-z0-9._~:/\\[\\]-]+)?$',
    form: 'an address like https://tower.example.com',
    default: '',
    manifest: 'tower.url',
  },
  'tower-timeout': { type: 'number', description: 'Seconds to wait for Control Tower, over all attempts.', default: 60 },
} as const;
