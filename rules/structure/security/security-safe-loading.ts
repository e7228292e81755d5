import type { SourceLine } from '../../../src/facts/source-lines.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';
import { eachSource, isTestPath, ownPaths, pythonSources, rSources } from '../lib/texts.ts';

interface Danger {
  readonly pattern: RegExp;
  /** Found on the same or one of the next lines, the call is safe. */
  readonly unless?: RegExp;
  readonly message: string;
  readonly fix: string;
}

const python: readonly Danger[] = [
  {
    pattern: /\byaml\.(?:load|load_all)\(/,
    unless: /Loader\s*=\s*(?:yaml\.)?C?(?:Safe|Base|Full)Loader|,\s*(?:yaml\.)?C?(?:Safe|Full)Loader/,
    message: 'yaml.load builds any Python object that the file names',
    fix: 'Use yaml.safe_load.',
  },
  {
    pattern: /\byaml\.unsafe_load\(/,
    message: 'this YAML loader builds Python objects',
    fix: 'Use yaml.safe_load.',
  },
  {
    pattern:
      /\b(?:pickle|joblib|cloudpickle|dill)\.loads?\([^)]*(?:requests\.|urlopen|urlretrieve|https?:\/\/|\.content\b|request\.(?:data|files|get_data))/,
    message: 'a pickle from the network runs the code that its sender put in',
    fix: 'Load only files whose checksum you know, or use safetensors, ONNX or skops.',
  },
  {
    pattern: /\b(?:eval|exec)\(\s*(?:input\(|request\.|sys\.argv|os\.environ)/,
    message: 'input is executed as code',
    fix: 'Parse it: ast.literal_eval, json.loads or argparse.',
  },
  {
    pattern: /\b(?:subprocess\.\w+|os\.popen)\([^#]*\bf["'][^"']*\{[^#]*shell\s*=\s*True/,
    message: 'a command is put together from values and given to a shell',
    fix: 'Pass a list of arguments without shell=True.',
  },
  {
    pattern: /\bos\.system\(\s*(?:f["'][^"']*\{|["'][^"']*["']\s*(?:\+|%|\.format))/,
    message: 'a command is put together from values and given to a shell',
    fix: 'Use subprocess.run with a list of arguments.',
  },
  {
    pattern: /\brequests\.\w+\([^#]*\bverify\s*=\s*False|ssl\._create_unverified_context/,
    message: 'the server’s certificate is not checked',
    fix: 'Remove verify=False; give a private CA through REQUESTS_CA_BUNDLE.',
  },
];

const r: readonly Danger[] = [
  {
    pattern: /\beval\s*\(\s*(?:parse|str2lang|str2expression)\s*\(/,
    message: 'text is executed as code',
    fix: 'Use [[ ]], get(), match.fun() or rlang with quoted names.',
  },
  {
    pattern: /\b(?:source|readRDS|load|unserialize)\s*\(\s*(?:url\s*\(\s*)?["']https?:\/\//,
    message: 'code or objects from the network are run',
    fix: 'Download it, check its checksum, keep it in the repo.',
  },
  {
    pattern: /\bsystem2?\s*\(\s*paste0?\s*\(/,
    message: 'a command is put together from values and given to a shell',
    fix: 'Use system2(command, args = shQuote(...)) or processx.',
  },
  {
    pattern: /ssl_verifypeer\s*=\s*(?:0|FALSE)\b/,
    message: 'the server’s certificate is not checked',
    fix: 'Remove ssl_verifypeer = FALSE.',
  },
];

/** Cheap words, one of which every danger holds: most files are read no further. */
const mayBePython =
  /yaml\.(?:load|unsafe)|(?:pickle|joblib|dill)\.load|\beval\(|\bexec\(|shell\s{0,2}=|os\.(?:system|popen)|verify\s{0,2}=|_unverified_/;
const mayBeR = /\beval\s{0,2}\(|["']https?:|\bsystem2?\s{0,2}\(|ssl_verifypeer/;

function dangersIn(path: string, lines: readonly SourceLine[], dangers: readonly Danger[]): Finding[] {
  return dangers.flatMap(({ pattern, unless, message, fix }) =>
    lines.flatMap(({ text, line }, index): Finding[] => {
      if (text.length > 500 || !pattern.test(text)) return [];
      const call = lines
        .slice(index, index + 4)
        .map((each) => each.text.slice(0, 500))
        .join(' ');
      if (unless?.test(call)) return [];
      return [{ message: `${message}: ${text.trim().slice(0, 60)}`, fix, place: { path, line } }];
    }),
  );
}

export default defineCheck({
  title: 'Code loads and runs nothing that others can choose',
  why: 'A model file, a YAML or a name that an outsider can set must not become code on our machines.',
  fix: 'Use the safe form that the finding names.',
  reference: 'https://docs.python.org/3/library/pickle.html',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const paths = ownPaths(files, [...pythonSources, ...rSources]).filter((path) => !isTestPath(path));
    if (paths.length === 0) return notApplicable('the repo has no Python or R code');
    const findings: Finding[] = [];
    await eachSource(files, paths, (path, text, lines) => {
      const isPython = /\.(py|ipynb)$/.test(path);
      if (!(isPython ? mayBePython : mayBeR).test(text)) return;
      // ruamel's own object is called yaml by custom, and its load is safe.
      const dangers = isPython
        ? python.filter(({ message }) => !(message.startsWith('yaml.load') && /\bruamel\b/.test(text)))
        : r;
      findings.push(...dangersIn(path, lines(), dangers));
    });
    return judge(capped(findings, 'calls'));
  },
});
