/** The header of a CSV file, read before anything is parsed: dialect, names, and whether the table is too wide. */
import { open } from 'node:fs/promises';
import type { UsageError } from '../../kernel/failure.ts';
import type { Table } from '../../kernel/world.ts';

/** Widest table that is read: 10,000 columns. */
export const maxColumns = 10_000;
/** Columns that tables have for us and that no hook sees. */
export const bookkeeping: ReadonlySet<string> = new Set(['__row', '__column', '__repeat', '__case', '__original']);
const maxHeaderBytes = 8 * 1024 * 1024;
const chunkBytes = 64 * 1024;
const delimiters = [',', ';', '\t', '|'] as const;

export interface CsvHeader {
  readonly names: readonly string[];
  readonly dialect: NonNullable<Table['dialect']>;
  /** What ends the header, and so every row; null when the file is the header alone. */
  readonly lineBreak: '\n' | '\r\n' | '\r' | null;
}

/** A problem of a file, told without its place; the caller knows which file it is. */
export type Refuse = (code: string, what: string, hint: string) => UsageError;

interface Scan {
  /** End of the header: index of its line break, -1 when there is none yet. */
  readonly end: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** Line break and delimiters outside quotes. */
function scan(text: string): Scan {
  const counts = new Map<string, number>(delimiters.map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (char === '\n' || char === '\r')) return { end: i, counts };
    else if (!isQuoted && counts.has(char)) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  return { end: -1, counts };
}

function splitRecord(record: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let i = 0; i < record.length; i++) {
    const char = record.charAt(i);
    if (char === '"' && isQuoted && record.charAt(i + 1) === '"') {
      field += '"';
      i++;
    } else if (char === '"') isQuoted = !isQuoted;
    else if (char === delimiter && !isQuoted) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  return [...fields, field];
}

async function readHead(path: string, refuse: Refuse): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let read = 0; read < maxHeaderBytes; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, read);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      read += bytesRead;
      if (buffer.subarray(0, bytesRead).some((byte) => byte === 10 || byte === 13)) {
        const head = Buffer.concat(chunks);
        const { end } = scan(head.toString('latin1'));
        // A carriage return at the very end of what was read may have its line feed in the next chunk.
        if (end >= 0 && (head[end] !== 13 || end + 1 < head.length)) return head;
      }
    }
  } finally {
    await file.close();
  }
  throw refuse('TABLE_HEADER', 'has no line break in its first 8 MiB', 'The first line must name the columns.');
}

/** Blank names get a number, as a data frame written with row names has one. */
const nameOf = (name: string, index: number): string => (name === '' ? `column_${index + 1}` : name);

/** Reads the header. Throws what `refuse` makes: empty file, not UTF-8, too many columns, a name twice. */
export async function readCsvHeader(path: string, refuse: Refuse): Promise<CsvHeader> {
  const head = await readHead(path, refuse);
  if (head.length === 0)
    throw refuse('TABLE_EMPTY', 'is empty', 'The first line must name the columns; a table without rows still has its header.');
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))
    throw refuse('TABLE_ENCODING', 'is UTF-16', 'Save it as UTF-8.');
  const hasBom = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  // Delimiters, quotes and line breaks are ASCII, so the header's end can be found before it is decoded.
  const bytes = hasBom ? head.subarray(3) : head;
  const { end, counts } = scan(bytes.toString('latin1'));
  const [delimiter, separators] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best));
  if (separators >= maxColumns)
    throw refuse(
      'TABLE_TOO_WIDE',
      `has ${(separators + 1).toLocaleString('en')} columns; at most ${maxColumns.toLocaleString('en')} are read`,
      'Name a narrower table, or turn columns into rows.',
    );
  let header: string;
  try {
    header = new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch {
    throw refuse('TABLE_ENCODING', 'has a header that is not UTF-8', 'Save it as UTF-8: iconv -f LATIN1 -t UTF-8 FILE.');
  }
  const names = splitRecord(header, delimiter).map(nameOf);
  const seen = new Set<string>();
  for (const name of names) {
    // DuckDB compares names without case, and so does every warehouse behind it.
    const key = name.toLowerCase();
    if (seen.has(key))
      throw refuse('TABLE_DUPLICATE_COLUMN', `names the column ${JSON.stringify(name)} twice`, 'Rename or drop one of the two.');
    if (bookkeeping.has(name))
      throw refuse('TABLE_RESERVED_COLUMN', `has a column ${name}`, 'That name is used for bookkeeping; rename it.');
    seen.add(key);
  }
  return { names, dialect: { delimiter, quote: '"', hasBom }, lineBreak: lineBreakAt(bytes, end) };
}

function lineBreakAt(bytes: Buffer, end: number): CsvHeader['lineBreak'] {
  if (end < 0) return null;
  if (bytes[end] === 10) return '\n';
  return bytes[end + 1] === 10 ? '\r\n' : '\r';
}
