import { defineCheck, fail, notApplicable, pass } from '../../../src/kernel/check.ts';
import type { Place } from '../../../src/kernel/failure.ts';
import { eachSource, isTestPath, ownPaths, pythonSources, rSources } from '../lib/texts.ts';

const draws = {
  python:
    /\b(?:np|numpy)\.random\.(?!seed|default_rng\(\w)\w+\(|\brandom\.(?:random|shuffle|sample|choices?|randint|uniform|gauss)\(|\btrain_test_split\(|\b(?:RandomForest|ExtraTrees|GradientBoosting)\w*\(|\btorch\.rand\w*\(|\btf\.random\.|\bKFold\([^)]{0,200}shuffle=True|\bxgb\.train\(|\bXGB\w+\(|\bLGBM\w+\(/,
  r: /(?:^|[^\w.])(?:sample|rnorm|runif|rbinom|rpois|rexp|sample_n|sample_frac|slice_sample|createDataPartition|createFolds|initial_split|vfold_cv|randomForest|ranger|kmeans)\s*\(/,
};
const seeds = /seed|random_state|RandomState\(|manual_seed|set_seed/i;

export default defineCheck({
  title: 'Random numbers have a seed',
  why: 'Without a seed two trainings differ, and nobody can tell a better model from a luckier one.',
  fix: 'Take the seed as a parameter of training and pass it on (random_state=seed, np.random.default_rng(seed), set.seed(seed)).',
  reference: 'https://scikit-learn.org/stable/common_pitfalls.html#controlling-randomness',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    let first: { place: Place; code: string } | undefined;
    let hasSeed = false;
    const paths = ownPaths(files, [...pythonSources, ...rSources]).filter((path) => !isTestPath(path));
    await eachSource(files, paths, (path, text, lines) => {
      hasSeed ||= seeds.test(text);
      if (hasSeed || first) return;
      const draw = /\.(py|ipynb)$/.test(path) ? draws.python : draws.r;
      const line = draw.test(text) ? lines().find((each) => each.text.length < 2000 && draw.test(each.text)) : undefined;
      if (line) first = { place: { path, line: line.line }, code: line.text.trim().slice(0, 60) };
    });
    if (hasSeed) return pass();
    if (!first) return notApplicable('the code draws no random numbers that are recognised');
    return fail([
      { message: `Random numbers are drawn (${first.code}), and no code of the repo sets a seed`, place: first.place },
    ]);
  },
});
