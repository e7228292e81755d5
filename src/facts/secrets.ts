/** Secrets in text: forms that only a secret has, and assignments whose value looks like one. Bounded, one line at a time. */

export interface SecretFound {
  /** What it is, in words. */
  readonly what: string;
  /** From 1. */
  readonly line: number;
  /** Enough to find it again, never enough to use it. */
  readonly shown: string;
}

interface Form {
  readonly what: string;
  readonly pattern: RegExp;
}

const forms: readonly Form[] = [
  { what: 'an AWS access key', pattern: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/ },
  { what: 'a GitLab token', pattern: /\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,64}/ },
  { what: 'a GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})\b/ },
  { what: 'a Slack token', pattern: /\bxox[abeprs]-[0-9A-Za-z]{8,20}-[0-9A-Za-z-]{16,200}/ },
  { what: 'a Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { what: 'an OpenAI key', pattern: /\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{16,120}T3BlbkFJ[A-Za-z0-9_-]{16,120}/ },
  { what: 'an Anthropic key', pattern: /\bsk-ant-[a-z0-9]{4,8}-[A-Za-z0-9_-]{80,120}/ },
  { what: 'a Hugging Face token', pattern: /\bhf_[A-Za-z]{34}\b/ },
  { what: 'a Stripe key', pattern: /\b[rs]k_live_[0-9A-Za-z]{20,100}/ },
  { what: 'a Databricks token', pattern: /\bdapi[0-9a-f]{32}\b/ },
  { what: 'a PyPI token', pattern: /\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,250}/ },
  { what: 'an Azure storage key', pattern: /\bAccountKey=[A-Za-z0-9+/]{86}==/ },
  { what: 'a private key', pattern: /-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?!.{0,20}\.\.\.)/ },
];

const connection =
  /\b(?:postgres(?:ql)?|mysql|mariadb|mssql|mongodb|rediss?|amqps?|oracle|ftp|https?)(?:\+[a-z0-9]{1,20})?:\/\/([^\s/:@"'`]{0,80}):([^\s/@"'`]{4,200})@([A-Za-z0-9.-]{3,200})/;
const assignment =
  /\b[\w.-]{0,40}(?:passw(?:or)?d|secret|api_?key|access_?key|auth_?token|access_?token|private_?key)["']?\s{0,4}(?:=|:|<-)\s{0,4}["']([^"'\s]{16,200})["']/i;
/** Read over every file: its cases are written out because a case-insensitive search takes four times as long. */
const mayHold =
  /AKIA|ASIA|gl[a-z]{2,4}-|gh[pousr]_|github_pat_|xox[abeprs]-|AIza|T3BlbkFJ|sk-ant-|hf_[A-Za-z]{34}|k_live_|dapi[0-9a-f]|pypi-Ag|PRIVATE KEY|AccountKey=|:\/\/[^\s/:@]{0,80}:[^\s/@]{4,200}@|(?:[pP]assw(?:or)?d|PASSW(?:OR)?D|[sS]ecret|SECRET|[kK]ey|KEY|[tT]oken|TOKEN)["']?\s{0,4}(?:=|:|<-)\s{0,4}["']/;
const placeholder =
  /example|sample|placeholder|dummy|change.?me|your|xxx|\*\*\*|<[^>]*>|\$\{|\$\(|\$[A-Z_]|\{\{|%\(|test|fake|secret|passw|redacted|(.)\1{5}|1234|abcd|\{\w*\}/i;
const localHosts =
  /^(?:localhost|127\.|0\.0\.0\.0|host\.docker|db$|postgres$|mysql$|mongo$|redis$|[\w-]+$|.*\.(?:example|test|local|invalid)$|example\.)/i;

/** Shannon entropy, bits per character. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A value nobody types by hand: long, mixed and without words. */
export const looksRandom = (value: string): boolean =>
  /\d/.test(value) &&
  /[A-Za-z]/.test(value) &&
  !/[/\\].*[/\\]/.test(value) &&
  entropyOf(value) >= (value.length >= 32 ? 3.5 : 3.8);

const masked = (text: string): string => `${text.slice(0, 4)}…`;

function inLine(line: string, next: string): Omit<SecretFound, 'line'> | null {
  for (const { what, pattern } of forms) {
    const found = pattern.exec(line)?.[0];
    if (found === undefined) continue;
    if (what === 'a private key') {
      // The words alone stand in documentation and in parsers; a key has base64 behind them.
      const body = `${line.slice(line.indexOf(found) + found.length)}\n${next}`;
      if (/(?:^|\\n|["'\s])[A-Za-z0-9+/=]{40,}|Proc-Type:/.test(body)) return { what, shown: found.slice(0, 30) };
      continue;
    }
    if (!/EXAMPLE|(.)\1{5}|xxx/i.test(found)) return { what, shown: masked(found) };
  }
  const url = connection.exec(line);
  if (url && !placeholder.test(`${url[1]} ${url[2]}`) && !localHosts.test(url[3] ?? '') && url[1] !== url[2])
    return { what: 'a password in a connection string', shown: `…@${url[3]}` };
  const value = assignment.exec(line)?.[1];
  if (value !== undefined && !placeholder.test(value) && looksRandom(value))
    return { what: 'a value that looks like a secret', shown: masked(value) };
  return null;
}

/** The same lines; of one that holds a secret only what kind it was is left, of a private key also not what follows it. */
export function withoutSecrets(lines: readonly string[]): readonly string[] {
  const found = new Map(secretsIn(lines.join('\n'), lines.length).map(({ line, what }) => [line - 1, what]));
  if (found.size === 0) return lines;
  let isKey = false;
  return lines.map((line, index) => {
    const what = found.get(index);
    const isHidden = what !== undefined || isKey;
    isKey = (isKey || what === 'a private key') && !line.includes('-----END ');
    return isHidden ? `[${what ?? 'a private key'} stood here]` : line;
  });
}

/** Every line that holds a secret, at most `limit` of them. */
export function secretsIn(text: string, limit = 20): readonly SecretFound[] {
  if (!mayHold.test(text)) return [];
  const found: SecretFound[] = [];
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (found.length >= limit) break;
    if (!mayHold.test(line)) continue;
    // A minified line is read in pieces that overlap by more than any secret is long.
    for (let start = 0; start < Math.min(line.length, 200_000); start += 9000) {
      const secret = inLine(
        line.slice(start, start + 10_000),
        lines
          .slice(index + 1, index + 4)
          .join('\n')
          .slice(0, 500),
      );
      if (secret) {
        found.push({ ...secret, line: index + 1 });
        break;
      }
    }
  }
  return found;
}
