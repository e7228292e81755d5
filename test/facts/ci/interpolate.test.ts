import { describe, expect, test } from 'vitest';
import { type Interpolated, interpolate } from '../../../src/facts/ci/interpolate.ts';

const template = `spec:
  component: [name, version, sha, reference]
  inputs:
    name: { regex: '^[a-z]+$' }
    count: { type: number, default: 3 }
    is-quiet: { type: boolean, default: false }
    langs: { type: array, default: [python, r] }
    mode: { options: [a, b], default: a }
---
"job-$[[ inputs.name ]]":
  variables:
    COUNT: "$[[ inputs.count ]]"
    TEXT: "n=$[[ inputs.count ]] q=$[[ inputs.is-quiet ]] l=$[[ inputs.langs ]] v=$[[ component.version ]]"
    VERSION: $[[ component.version ]]
    OWN: $CI_JOB_ID
  parallel:
    matrix:
      - LANG: $[[ inputs.langs ]]
  interruptible: $[[inputs.is-quiet]]
`;
const at = { name: 'x', version: null, sha: 'abc', reference: 'main' };
const problems = (result: Interpolated) => (result.ok ? [] : result.problems);

describe('interpolate', () => {
  test('a whole value keeps its type, inside a string it becomes text, keys are replaced', () => {
    const result = interpolate(template, { name: 'fit', 'is-quiet': true }, at);
    expect(result).toMatchObject({
      ok: true,
      value: {
        'job-fit': {
          variables: { COUNT: 3, TEXT: 'n=3 q=true l=["python","r"] v=', VERSION: null, OWN: '$CI_JOB_ID' },
          parallel: { matrix: [{ LANG: ['python', 'r'] }] },
          interruptible: true,
        },
      },
      inputs: { mode: 'a' },
    });
  });

  test.each([
    ['a missing required input', {}, 'input `name`: a value is required and none was given'],
    ['an unknown input', { name: 'a', nmae: 'b' }, 'unknown input `nmae`'],
    ['a wrong type', { name: 'a', count: '4' }, 'input `count`: string given, number wanted'],
    ['a value that is no option', { name: 'a', mode: 'c' }, 'input `mode`: "c" is not one of "a", "b"'],
    ['a value outside the regex', { name: 'a\n$(id)' }, 'input `name`: "a\\n$(id)" does not match ^[a-z]+$'],
    ['a name from the prototype', { name: 'a', constructor: 'b' }, 'unknown input `constructor`'],
  ])('%s is refused', (_, inputs, message) => {
    expect(problems(interpolate(template, inputs, at))).toEqual([message]);
  });

  test.each([
    ['a name that nothing declares', '$[[ inputs.other ]]', 'unknown name in $[[ inputs.other ]]'],
    ['a fact that the header does not ask for', '$[[ component.sha ]]', 'unknown name in $[[ component.sha ]]'],
    ['a function', '$[[ inputs.x | expand_vars ]]', 'the functions of $[[ inputs.x | expand_vars ]] are not supported'],
  ])('%s is refused', (_, text, message) => {
    expect(
      problems(interpolate(`spec: { inputs: { x: { default: '' } } }\n---\njob: { script: ["${text}"] }\n`, {}, at)),
    ).toEqual([message]);
  });

  test('two blocks that fill a string are two blocks', () => {
    const result = interpolate('spec: { inputs: { x: { default: a } } }\n---\nk: $[[ inputs.x ]]$[[ inputs.x ]]\n', {});
    expect(result).toMatchObject({ ok: true, value: { k: 'aa' } });
  });

  test('a value that holds a block is not interpolated again', () => {
    const text = 'spec: { inputs: { x: {}, y: { default: secret } } }\n---\nk: v=$[[ inputs.x ]]\n';
    expect(interpolate(text, { x: '$[[ inputs.y ]] $&' })).toMatchObject({ ok: true, value: { k: 'v=$[[ inputs.y ]] $&' } });
  });
});
