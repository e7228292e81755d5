/** `--compare FILE`, of score and report. */
export const compareFlag = {
  compare: {
    type: 'string',
    description: 'Say what changed against this report (.report.json). Default: the record in Control Tower.',
    default: '',
  },
} as const;
