/** Columns of a small table that hold what identifies a person. Checksums and a whole column's agreement keep it precise. */

export interface PersonalColumn {
  readonly column: string;
  /** What the values are, in words. */
  readonly what: string;
  readonly values: number;
}

const digitsOf = (text: string): readonly number[] => [...text.replace(/[\s-]/g, '')].map(Number);

const weightedSum = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * (digits[index] ?? 0), 0);

/** Luhn's checksum. */
export function isCardNumber(text: string): boolean {
  if (!/^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12})$/.test(text.replace(/[\s-]/g, '')))
    return false;
  const sum = digitsOf(text)
    .toReversed()
    .reduce((total, digit, index) => total + (index % 2 === 0 ? digit : digit * 2 > 9 ? digit * 2 - 9 : digit * 2), 0);
  return sum % 10 === 0;
}

/** Australian tax file number: nine digits, weighted sum divisible by 11. */
export const isTaxFileNumber = (text: string): boolean =>
  /^\d{3}[\s-]?\d{3}[\s-]?\d{3}$/.test(text) && weightedSum(digitsOf(text), [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0;

/** Australian Medicare card: the ninth digit is a checksum of the first eight. */
export const isMedicareNumber = (text: string): boolean =>
  /^[2-6]\d{3}[\s-]?\d{5}[\s-]?\d(?:[\s/-]?\d)?$/.test(text) &&
  weightedSum(digitsOf(text), [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === digitsOf(text)[8];

const isEmail = (text: string): boolean =>
  /^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}$/.test(text) &&
  !/@(?:[\w-]+\.)*(?:example\.\w+|test|invalid|local)$/i.test(text);

const isPhone = (text: string): boolean =>
  /^(?:\+\d{1,3}|\(?0\d)[\d\s().-]{6,16}$/.test(text) && text.replace(/\D/g, '').length >= 8;

/** A one-digit checksum is met by a tenth of all numbers: without a telling header most of a long column must meet it. */
const kinds = [
  { what: 'credit card numbers', test: isCardNumber, header: /card|pan\b|cc_?num/i, least: 5 },
  { what: 'tax file numbers', test: isTaxFileNumber, header: /tfn|tax_?file/i, least: 20 },
  { what: 'Medicare numbers', test: isMedicareNumber, header: /medicare/i, least: 20 },
  { what: 'e-mail addresses', test: isEmail, header: /mail/i, least: 5 },
  { what: 'phone numbers', test: isPhone, header: /phone|mobile|telephone/i, least: Number.POSITIVE_INFINITY },
] as const;

/** Fields of one line; quotes are honoured, line breaks inside them are not. */
function fieldsOf(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (const char of line) {
    if (char === '"') isQuoted = !isQuoted;
    else if (char === delimiter && !isQuoted) {
      fields.push(field.trim());
      field = '';
    } else field += char;
  }
  return [...fields, field.trim()];
}

/** Judges the first rows of a delimited table. */
export function personalColumns(text: string, rows = 500): readonly PersonalColumn[] {
  const lines = text
    .slice(0, 2 ** 20)
    .split(/\r?\n/)
    .slice(0, rows + 1)
    .filter((line) => line !== '' && line.length < 20_000);
  const [head = ''] = lines;
  const delimiter = [',', ';', '\t', '|'].toSorted((a, b) => head.split(b).length - head.split(a).length)[0] ?? ',';
  const names = fieldsOf(head, delimiter);
  if (names.length > 1000) return [];
  return personalIn(
    names,
    lines.slice(1).map((line) => fieldsOf(line, delimiter)),
  );
}

/** Judges rows of texts; an empty text is a missing value. */
export function personalIn(names: readonly string[], table: readonly (readonly string[])[]): readonly PersonalColumn[] {
  return names.flatMap((column, index): PersonalColumn[] => {
    const values = [...new Set(table.map((row) => row[index] ?? '').filter((value) => value !== '' && value.length < 200))];
    for (const { what, test, header, least } of kinds) {
      const isNamed = header.test(column);
      if (values.length < (isNamed ? 3 : least)) continue;
      const hits = values.filter(test).length;
      if (hits >= values.length * (isNamed ? 0.8 : 0.95)) return [{ column, what, values: hits }];
    }
    return [];
  });
}
