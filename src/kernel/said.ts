/** A message about a command of a repo that ends with its log, and the same in one line. */

/** `\n  the last it said:` and the lines of a log, indented; or that there is none. */
export const withLog = (log: readonly string[]): string =>
  log.length > 0 ? `\n  the last it said:${log.map((line) => `\n    ${line}`).join('')}` : '\n  it said nothing';

const mostSaid = 200;

/**
 * The line that names the error: in Python and R it begins with the word, and R puts the reason on the line after a colon;
 * else the last line.
 */
function reasonIn(log: readonly string[]): string | undefined {
  const lines = log.map((line) => line.trim()).filter((line) => line !== '' && line !== 'Execution halted');
  const at = lines.findLastIndex((line) => /^([\w.]*(Error|Exception)\b|Error in )/.test(line));
  const [line, next] = at === -1 ? lines.slice(-1) : lines.slice(at);
  return line?.endsWith(':') && next !== undefined ? `${line} ${next}` : line;
}

/**
 * The first line of such a message and the reason that its log gives: how a command ended does not say why, and rows that
 * were made for a test are gone before anybody can run it again.
 */
export function withReason(message: string): string {
  const [first = message, ...rest] = message.split('\n');
  const reason = reasonIn(rest.filter((line) => line.startsWith('    ')));
  if (reason === undefined) return first;
  return `${first}: ${reason.length > mostSaid ? `${reason.slice(0, mostSaid)}…` : reason}`;
}
