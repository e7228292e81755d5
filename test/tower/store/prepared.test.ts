import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { type Connection, inTransaction, prepared, sqlStateOf } from '../../../src/tower/store/database.ts';
import { onBothDatabases } from './databases.ts';

interface Row {
  readonly id: number;
  readonly body: Uint8Array | null;
  readonly tags: readonly string[] | null;
}

const add = (connection: Connection, id: number, body: Uint8Array | null = null, tags: readonly string[] | null = null) =>
  prepared<Row>`insert into thing (id, body, tags) values (${id}, ${body}, ${tags}) returning *`.execute(connection);

onBothDatabases((store) => {
  const ids = async () =>
    (await sql<{ id: number }>`select id from thing order by id`.execute(store().db)).rows.map(({ id }) => id);

  beforeEach(async () => {
    const { db } = store();
    await sql`drop table if exists thing`.execute(db);
    await sql`create table thing (id bigint primary key, body bytea, tags text[])`.execute(db);
  });

  it('answers each time as it did the first, for values of every kind', async () => {
    const { db } = store();
    const first = await add(db, 1, Buffer.from([0, 255, 92]), ['a "quoted" word', '{', 'NULL', '']);
    expect(first.rows).toEqual([{ id: 1, body: expect.anything(), tags: ['a "quoted" word', '{', 'NULL', ''] }]);
    expect([...(first.rows[0]?.body ?? [])]).toEqual([0, 255, 92]);
    expect(first.numAffectedRows).toBe(1n);
    expect((await add(db, 2)).rows).toEqual([{ id: 2, body: null, tags: null }]);
    expect((await add(db, 3, new Uint8Array(), [])).rows[0]?.tags).toEqual([]);
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('says what was wrong, and goes on', async () => {
    const { db } = store();
    await add(db, 1);
    const error = await add(db, 1).catch((e: unknown) => e);
    expect(sqlStateOf(error)).toBe('23505');
    await add(db, 2);
    const misspelt = () => prepared`insert into thin (id) values (${3})`.execute(db);
    await expect(misspelt()).rejects.toThrow(/"thin" does not exist/);
    await expect(misspelt()).rejects.toThrow(/"thin" does not exist/);
    await add(db, 3);
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('belongs to the transaction that it runs in', async () => {
    const { db } = store();
    await add(db, 1);
    const failed = inTransaction(db, async (connection) => {
      await add(connection, 2);
      await add(connection, 1);
    });
    await expect(failed).rejects.toThrow(/duplicate key/);
    expect(await ids()).toEqual([1]);
    await inTransaction(db, (connection) => add(connection, 2));
    expect(await ids()).toEqual([1, 2]);
  });

  it('is planned anew when its table has changed', async () => {
    const { db } = store();
    const count = () => prepared<{ n: number }>`select count(*) as n from thing where id > ${0}`.execute(db);
    expect((await count()).rows).toEqual([{ n: 0 }]);
    await sql`alter table thing add column note text`.execute(db);
    await sql`insert into thing (id) values (7)`.execute(db);
    expect((await count()).rows).toEqual([{ n: 1 }]);
  });
});
