import { describe, expect, it } from 'vitest';
import { type Report, type Result, resultsOf, type SectionReport } from '../../src/kernel/report.ts';
import { renderHtml } from '../../src/reports/html.tsx';
import { renderMarkdown } from '../../src/reports/markdown.ts';
import { nextSteps } from '../../src/reports/next-steps.ts';
import { renderTerminal } from '../../src/reports/terminal.ts';
import { alarms } from '../../src/reports/words.ts';
import { goldenReport, withResult } from './golden.ts';

const hostile =
  'x\n/close\n/label ~bug\n@all ![i](https://evil.example/x.png) <img src=x> </details> [a](javascript:b) #12 !34 `x` --> www.evil.example';

describe('the terminal card', () => {
  const card = renderTerminal(goldenReport, { width: 100 });
  it('is as before', () => expect(card).toMatchFileSnapshot('../golden/report.txt'));

  it('has a line for each of the 28 tests and both scores', () => {
    for (const { suite, result } of resultsOf(goldenReport))
      if (suite.method === 'ml-test-score') expect(card).toMatch(new RegExp(`^  [✓✗◐∅·!] [01½]  ${result.check} `, 'm'));
    expect(card).toContain('ML Test Score  0.5 of 7');
    expect(card).toContain('paper score 0.5');
  });

  it('puts what lifts the weakest section before what lifts another', () => {
    const next = card.slice(card.indexOf('What to do next'));
    expect(next.indexOf('monitor-3')).toBeGreaterThan(0);
    expect(next).not.toContain('data-2');
  });

  it('has places that a terminal makes clickable', () => expect(card).toMatch(/^ {4}train\.py:31:5$/m));

  it('lets no escape sequence of a repo through, and writes none unless colour is asked for', () => {
    expect(card).not.toMatch(/(?!\n)\p{Cc}/u);
    const report = withResult({ title: 'a\u001b]8;;https://hidden.example\u0007b\u001b]8;;\u001b\\\u009b31mc' });
    expect(renderTerminal(report)).not.toContain('hidden.example');
    expect(renderTerminal(report)).toContain('layout-no-data abc');
    expect(renderTerminal(goldenReport, { color: true })).toContain('\u001b[');
  });

  it.each([40, 60, 80, 120])('keeps within %d columns all but places and lines to copy', (width) => {
    const lines = renderTerminal(goldenReport, { width })
      .split('\n')
      .filter((line) => !/:\d+:\d+$|^ +features: /.test(line));
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(width);
  });
});

describe('what an unread card would hide', () => {
  const rubric = goldenReport.suites.filter(({ method }) => method === 'ml-test-score');
  const only = (ids: readonly string[], change: Partial<Result> = {}): Report => ({
    ...goldenReport,
    suites: rubric.map((suite) => ({
      ...suite,
      sections: suite.sections.map((section) => ({
        ...section,
        results: section.results.filter(({ check }) => ids.includes(check)).map((result) => ({ ...result, ...change })),
      })),
    })),
  });

  it('gives a part of the rubric no score and no band, and leaves out the sections that were not chosen', () => {
    for (const render of [renderTerminal, renderMarkdown]) {
      const text = render(only(['data-1', 'model-5']));
      expect(text).toMatch(/Only 2 of the 28 tests were chosen/);
      expect(text).not.toMatch(/of 7|sets the score|research project|Monitoring +[|░]/);
      expect(text).toContain('Model development');
    }
  });

  it('says first when every test ended in an error, and why', () => {
    const failure = { code: 'HOOK_FAILED', message: 'train exited with 127', hint: 'Install it' };
    const [first] = renderTerminal(only(['data-2', 'infra-1'], { outcome: 'error', failure }))
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(first).toBe('! ML Test Score: nothing was judged, 2 tests ended in an error (train exited with 127).');
  });

  it('keeps the lines of a log below the error, and says in one line what it comes to elsewhere', () => {
    const log = ['Traceback (most recent call last):', '  File "train.py", line 1', "KeyError: 'late'", 'see the docs'];
    const message = `train exited with 1\n  command: fit\n  the last it said:${log.map((line) => `\n    ${line}`).join('')}`;
    const failure = { code: 'HOOK_FAILED', message, hint: 'Read it.' };
    const text = renderTerminal(only(['data-2', 'infra-1'], { outcome: 'error', failure }));
    expect(text).toContain(`      the last it said:\n${log.map((line) => `        ${line}`).join('\n')} (HOOK_FAILED)\n`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain("2 tests ended in an error (train exited with 1: KeyError: 'late').");
    expect(text.slice(text.indexOf('What to do next'))).toContain("train exited with 1: KeyError: 'late'. Read it.");
    expect(text.match(/Traceback/g)).toHaveLength(1);
  });

  it('tells each reason once, with all that it keeps from being judged', () => {
    const text = renderTerminal(only(['data-2', 'infra-1'], { outcome: 'skipped', reason: 'no table', findings: [] }));
    expect(text).toMatch(/^Not judged\n {2}· data-2, infra-1: no table$/m);
  });
});

describe('the merge request note', () => {
  const note = renderMarkdown(goldenReport, { towerUrl: 'https://tower.example.com/models/1' });
  it('is as before', () => expect(note).toMatchFileSnapshot('../golden/report.md'));

  it('neutralises quick actions, mentions, references, images, links and closing tags', () => {
    const findings = [{ message: hostile, fix: hostile, place: { path: hostile } }];
    const evil = renderMarkdown({
      ...withResult({ findings, severity: 'blocker', title: hostile }),
      model: { ...goldenReport.model, title: hostile },
    });
    for (const line of evil.split('\n')) expect(line).not.toMatch(/^\s*\/[a-z]/);
    expect(evil).not.toMatch(/@all|#12|!34|~bug|!\[|\]\(javascript|<img|www\.evil|https:\/\/evil/);
    expect(evil.match(/<\/details>/g)).toHaveLength(1);
    expect(evil.match(/-->/g)).toHaveLength(1);
  });

  it('stays short on a huge report', () => {
    const findings = Array.from({ length: 5000 }, () => ({ message: 'm'.repeat(4000) }));
    expect(renderMarkdown(withResult({ findings })).length).toBeLessThan(60_001);
  });
});

describe('a hook that does not run', () => {
  const broke = (ids: readonly string[], change: (result: Result) => Partial<Result>): Report => ({
    ...goldenReport,
    suites: goldenReport.suites.map((suite) => ({
      ...suite,
      sections: suite.sections.map((section) => ({
        ...section,
        results: section.results.map((result) => (ids.includes(result.check) ? { ...result, ...change(result) } : result)),
      })),
    })),
  });
  const trainings = ['data-2', 'model-3', 'model-4', 'infra-1', 'infra-3'];
  const message = 'the train hook failed with exit code 3 after 0.5 s\n  command: python train.py\n  it said nothing';
  const hint = 'Run the command yourself in a fresh clone; the log says where it stopped.';
  const report = broke(trainings, ({ check }) =>
    check === 'infra-3'
      ? { outcome: 'fail', findings: [{ message: message.replace('0.5', '0.6'), fix: hint }] }
      : { outcome: 'error', findings: [], failure: { code: 'HOOK_FAILED', message, hint } },
  ) as Report;

  it('is told once, with all that it breaks', () => {
    const card = renderTerminal(report, { width: 100 });
    const wrong = card.slice(card.indexOf('What is wrong'), card.indexOf('Not judged'));
    expect(wrong.match(/the train hook failed/g)).toHaveLength(1);
    expect(wrong).toMatch(/data-2[\s\S]*the train hook failed[\s\S]*It breaks model-3, model-4, infra-1, infra-3 too\./);
    const note = renderMarkdown(report);
    const findings = note.slice(note.indexOf('Worst findings'));
    expect(findings.match(/the train hook failed/g)).toHaveLength(1);
    expect(findings).toContain('data\\-2, model\\-3, model\\-4, infra\\-1, infra\\-3');
    const page = renderHtml(report);
    const tests = page.slice(page.indexOf('id="results"'));
    expect(tests.match(/command: python train\.py/g)).toHaveLength(1);
    expect(tests.match(/The same as <a href="#data-2">data-2<\/a>: the train hook failed/g)).toHaveLength(4);
    expect(tests).toMatch(/It breaks <a href="#model-3">model-3<\/a>, .*<a href="#infra-3">infra-3<\/a> too\./);
  });

  it('is one step of what to do next, and the reason in the alarm, however long it ran each time', () => {
    const seconds = ['0.4', '0.7', '0.3', '0.5', '0.9'];
    const slow = broke(trainings, ({ check }) => ({
      outcome: 'error',
      findings: [],
      failure: { code: 'HOOK_FAILED', message: message.replace('0.5', seconds[trainings.indexOf(check)] ?? ''), hint },
    }));
    expect(nextSteps(slow).filter(({ action }) => action.includes('the train hook failed'))).toHaveLength(1);
    const only = (section: SectionReport) => ({
      ...section,
      results: section.results.filter(({ check }) => trainings.includes(check)),
    });
    const suites = slow.suites.map((suite) => ({ ...suite, sections: suite.sections.map(only) }));
    expect(alarms({ ...slow, suites }).join()).toContain('5 tests ended in an error (the train hook failed with exit code 3');
  });

  it('counts as its worst: what blocks is not ranked by what it happens to stand behind', () => {
    const ids = ['data-2', 'model-3'];
    const mixed = broke(ids, ({ check }) => ({
      outcome: 'fail',
      severity: check === 'data-2' ? 'minor' : 'blocker',
      findings: [{ message: 'the same cause', fix: hint }],
    }));
    expect(renderMarkdown(mixed)).toContain('- **blocker** data\\-2, model\\-3');
    expect(renderTerminal(mixed)).toMatch(/✗ blocker data-2/);
  });

  it('hides nothing behind a check of the same name in another suite', () => {
    const several = (words: string): Partial<Result> => ({
      outcome: 'fail',
      findings: [{ message: `${words} one` }, { message: `${words} two` }],
    });
    const rubric = broke(['data-2'], () => several('rubric'));
    const pack = broke(['data-2'], () => several('pack')).suites.map((suite) => ({ ...suite, id: 'pack', title: 'Pack' }));
    const both = { ...rubric, suites: [...rubric.suites, ...pack] } as Report;
    const card = renderTerminal(both);
    for (const words of ['rubric one', 'rubric two', 'pack one', 'pack two']) expect(card).toContain(words);
  });

  it('leaves apart what has another cause', () => {
    const one = broke(trainings, ({ check }) => ({
      outcome: 'error',
      findings: [],
      failure: { code: 'HOOK_FAILED', message: check === 'model-4' ? message.replace('code 3', 'code 4') : message, hint },
    }));
    const card = renderTerminal(one);
    const wrong = card.slice(card.indexOf('What is wrong'), card.indexOf('Not judged'));
    expect(wrong.match(/failed with exit code 3/g)).toHaveLength(1);
    expect(wrong).toMatch(/model-4[^→]*failed with exit code 4/);
    expect(wrong).toContain('It breaks model-3, infra-1, infra-3 too.');
  });
});

describe('the page says what the card says', () => {
  it('which shard it is, and what the schedules are worth', () => {
    const tests = [['data-1'], ['data-2', 'model-1']];
    expect(renderHtml({ ...goldenReport, shard: { index: 2, tests } })).toContain('Shard 2 of 2: 2 tests of 3.');
    const scheduled = {
      ...goldenReport,
      suites: goldenReport.suites.map((suite) => ({
        ...suite,
        sections: suite.sections.map((section) => ({
          ...section,
          results: section.results.map((result) =>
            result.check === 'monitor-2' ? { ...result, lastScheduled: { counts: false, words: 'no run by schedule' } } : result,
          ),
        })),
      })),
    } as Report;
    expect(renderHtml(scheduled)).toContain('monitor-2: no run by schedule, so it counts half at most.');
  });
});
