/** XML from untrusted files: streamed, bounded, and without document types, so that no entity is ever declared. */
import { SaxesParser } from 'saxes';
import { UsageError } from '../kernel/failure.ts';

export type Attributes = Readonly<Record<string, string>>;

export interface XmlReader {
  open(name: string, attributes: Attributes): void;
  close(name: string): void;
  text(text: string): void;
}

const deepest = 100;
/** What XML 1.0 forbids; tests print it all the same. */
const forbidden = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]|&#(?:x0*[0-8bcef]|x0*1[0-9a-f]|0*[0-8]|0*1[12]|0*1[4-9]|0*2\d|0*3[01]);/giu;

/** Text of bytes in the encoding that the declaration names, else UTF-8; what is not valid in it becomes U+FFFD. */
export function decodeXml(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(start)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(declared).decode(bytes);
  } catch {
    return new TextDecoder('utf-8').decode(bytes);
  }
}

/** Reads XML, or throws a UsageError XML_INVALID that names the file, the line and what is wrong. */
export function readXml(text: string, path: string, reader: XmlReader): void {
  const parser = new SaxesParser({ xmlns: false, position: true });
  const refuse = (what: string, hint = 'Let the test framework write it again.'): UsageError =>
    new UsageError('XML_INVALID', `${path} is not XML that can be read: ${what}`, { hint, place: { path, line: parser.line } });
  let depth = 0;
  parser.on('doctype', () => {
    throw refuse('it declares a document type, which may declare entities', 'Write plain JUnit or Cobertura without <!DOCTYPE>.');
  });
  parser.on('error', (error) => {
    throw refuse(error.message.replace(/^\S*\d+:\d+:\s*/, ''));
  });
  parser.on('opentag', ({ name, attributes }) => {
    depth += 1;
    if (depth > deepest) throw refuse(`its elements are nested deeper than ${deepest}`);
    reader.open(name, attributes);
  });
  parser.on('closetag', ({ name }) => {
    depth -= 1;
    reader.close(name);
  });
  parser.on('text', (part) => reader.text(part));
  parser.on('cdata', (part) => reader.text(part));
  parser.write(text.replace(forbidden, '\ufffd')).close();
}
