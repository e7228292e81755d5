import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: 'Checks the layout of a machine-learning model repo: files, history, dependencies, tests, documents.',
  jobs: {
    structure: {
      runner: 'check',
      reads: [],
      image: 'image',
      reports: { junit: 'check.junit.xml', codequality: 'check.codequality.json' },
    },
  },
});
