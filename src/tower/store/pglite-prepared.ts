/** Prepared statements of PGlite, whose own `query` plans each anew and asks for the types of its parameters every time. */
import { type PGlite, parse, protocol, type Results } from '@electric-sql/pglite';

interface Statement {
  readonly name: string;
  /** OIDs of its parameters' types. */
  readonly types: readonly number[];
  readonly since: number;
}

/** Milliseconds. No autovacuum tells this database that its tables have grown; a plan for a small one must not stay. */
const keptFor = 5000;

const { serialize } = protocol;

/** Runs a text as a statement that is planned once in a while. @throws as `query` does */
export function preparing(database: PGlite): (text: string, parameters: readonly unknown[]) => Promise<Results | undefined> {
  const statements = new Map<string, Statement>();
  // With a sync at its end: the connection is ready again, whatever failed.
  const send = (...messages: readonly Uint8Array[]) =>
    database.execProtocolStream(Buffer.concat([...messages, serialize.sync()]));

  async function prepare(text: string): Promise<Statement> {
    const name = statements.get(text)?.name ?? `prepared_${statements.size}`;
    const told = await send(
      serialize.close({ type: 'S', name }),
      serialize.parse({ name, text }),
      serialize.describe({ type: 'S', name }),
    );
    const statement = { name, types: parse.parseDescribeStatementResults(told), since: performance.now() };
    statements.set(text, statement);
    return statement;
  }

  function known(text: string): Statement | undefined {
    const statement = statements.get(text);
    return statement && performance.now() - statement.since < keptFor ? statement : undefined;
  }

  const write = (value: unknown, type: number | undefined) =>
    value === null || value === undefined ? null : (database.serializers[type ?? 0] ?? String)(value);

  return (text, parameters) =>
    database.runExclusive(async () => {
      const { name, types } = known(text) ?? (await prepare(text));
      const values = parameters.map((value, i) => write(value, types[i]));
      const told = await send(
        serialize.bind({ statement: name, values }),
        serialize.describe({ type: 'P' }),
        serialize.execute(),
      );
      return parse.parseResults(told, database.parsers)[0];
    });
}
