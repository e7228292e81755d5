/** Options that every runner has. */
export const runOptions = {
  output: {
    type: 'string',
    description: 'Folder for reports, inside the model repo.',
    default: '.flightcheck',
    regex: '^\\.?[A-Za-z0-9_][A-Za-z0-9._-]*(/\\.?[A-Za-z0-9_][A-Za-z0-9._-]*)*$',
  },
  only: { type: 'array', description: 'Only these checks, by id, comma-separated.', default: [] },
  skip: { type: 'array', description: 'All but these checks, by id, comma-separated.', default: [] },
} as const;
