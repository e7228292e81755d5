/** What a spreadsheet would run is text in a table. */
import { expect, it } from 'vitest';
import { csvOf } from '../../../src/tower/api/csv.ts';

it.each(['=1+1', '+1', '-1+cmd', '@sum(1)', '\t=1', '\r=1', '\n=1', '＝1+1', '＋1', '－1', '＠sum(1)'])(
  '%j is text, as name of a column and as value',
  (text) => {
    const name = csvOf({ columns: [text], rows: [] });
    const value = csvOf({ columns: ['a'], rows: [[text]] }).slice('a\r\n'.length);
    for (const cell of [name, value]) expect(cell.replace(/^"/, '')[0]).toBe("'");
  },
);

it('numbers stay numbers, and quotes, commas and ends of lines stand in quotes', () => {
  const rows = [[-1, 'a "b", c', 'two\nlines', null, true]];
  expect(csvOf({ columns: ['a', 'b', 'c', 'd', 'e'], rows })).toBe('a,b,c,d,e\r\n-1,"a ""b"", c","two\nlines",,true\r\n');
});
