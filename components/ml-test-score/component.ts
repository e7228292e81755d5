import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: "Executes the ML Test Score's tests for production readiness against the model's own code and data.",
  jobs: {
    'ml-test-score': {
      runner: 'score',
      reads: ['section', 'budget-minutes', 'budget-trains', 'budget-parallel', 'cache'],
      image: 'image',
      reports: { junit: 'score*.junit.xml', codequality: 'score*.codequality.json' },
      cachesHooks: true,
      isSharded: true,
    },
  },
});
