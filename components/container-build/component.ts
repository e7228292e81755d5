import { defineComponent } from '../../src/kernel/component.ts';

export const component = defineComponent({
  summary: 'Builds the image of the model, reproducibly, with its bill of materials; tries it, pushes it, hands its digest on.',
  defaults: { stage: 'build' },
  jobs: {
    'container-build': {
      runner: 'build',
      reads: ['image-repository', 'image-tag', 'builder', 'build-cache', 'promote'],
      image: 'build-image',
      reports: {
        junit: 'build.junit.xml',
        codequality: 'build.codequality.json',
        dotenv: 'build.env',
        cyclonedx: 'build.*.cdx.json',
      },
    },
  },
});
