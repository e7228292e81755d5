/** The same question is asked of the database once, until anything is written. */
import { sql } from 'kysely';
import { beforeAll, expect, it } from 'vitest';
import { answersKept } from '../../../src/tower/store/slice/kept-answers.ts';
import { onBothDatabases } from './databases.ts';

onBothDatabases((store) => {
  beforeAll(async () => {
    await sql`create table if not exists noted (n int)`.execute(store().db);
  });
  const counted = (largest = 10) => {
    let asked = 0;
    const kept = answersKept<number[]>(store().db, { sizeOf: (answer) => answer.length, largest });
    const sum = () =>
      kept('sum', async () => {
        asked += 1;
        const { rows } = await sql<{ n: number }>`select coalesce(sum(n), 0) as n from noted`.execute(store().db);
        return [Number(rows[0]?.n)];
      });
    return { kept, sum, asked: () => asked };
  };
  const note = (n: number) => sql`insert into noted values (${n})`.execute(store().db);

  it('asks again after a commit, and not before', async () => {
    await sql`truncate noted`.execute(store().db);
    const { sum, asked } = counted();
    expect([...(await Promise.all([sum(), sum()])), await sum()]).toEqual([[0], [0], [0]]);
    expect(asked()).toBe(1);
    await note(3);
    expect(await sum()).toEqual([3]);
    expect(await sum()).toEqual([3]);
    expect(asked()).toBe(2);
  });

  it('keeps the answers to different questions apart, and no failure', async () => {
    const { kept } = counted();
    const failing = () => kept('failing', () => Promise.reject(new Error('no')));
    await expect(failing()).rejects.toThrow('no');
    expect(await kept('failing', async () => [1])).toEqual([1]);
    expect(await kept('another', async () => [2])).toEqual([2]);
    expect(await kept('failing', async () => [9])).toEqual([1]);
  });

  it('does not keep what is large', async () => {
    const { sum, asked } = counted(0);
    await sum();
    await sum();
    expect(asked()).toBe(2);
  });
});
