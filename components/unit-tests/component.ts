import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: "Runs the model's unit tests (pytest, testthat or any command) with coverage, as evidence for the ML Test Score.",
  jobs: {
    'unit-tests': {
      runner: 'test',
      reads: ['tests-minutes', 'cache'],
      image: 'image',
      reports: { junit: 'test.junit.xml', codequality: 'test.codequality.json', cobertura: 'test.coverage.xml' },
      coverage: 'Coverage: (\\d+(?:\\.\\d+)?) %',
      cachesHooks: true,
      costs: 'read',
    },
  },
});
