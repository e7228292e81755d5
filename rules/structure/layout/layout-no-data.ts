import { defineCheck, type Finding, judge } from '../../../src/kernel/check.ts';
import { capped, megabytes } from '../../kinds/lib/findings.ts';
import { storedInLfs } from '../lib/large-files.ts';
import { committed, isTestPath } from '../lib/texts.ts';

const models = /\.(pkl|pickle|joblib|h5|hdf5|keras|onnx|pt|pth|ckpt|safetensors|pb|tflite|mar|rds|gguf|model|cbm)$/i;
const archives = /\.(zip|tar|tgz|tar\.\w+|7z|rar|gz|bz2|xz)$/i;
const data =
  /\.(csv|tsv|parquet|feather|arrow|avro|orc|xlsx?|sav|dta|sas7bdat|db|sqlite3?|duckdb|jsonl|ndjson|rda|rdata|npy|npz)$/i;
/** Smaller ones are samples and fixtures. */
const modelBytes = 10_000;

export default defineCheck({
  title: 'Data, models and archives are kept outside git',
  why: 'Git keeps every version for ever: clones grow, and data that must be deleted cannot be.',
  fix: 'Keep them in Git LFS, DVC, a bucket or the MLflow registry, and remove them with git rm --cached.',
  reference: 'https://dvc.org/doc/start',
  inputs: {
    'max-data-megabytes': {
      type: 'number',
      description: 'Tables up to this size are samples, in megabytes of 1,000,000 bytes.',
      default: 5,
    },
    except: { type: 'array', description: 'Globs of files that may stay.', default: [] },
  },
  needs: ['files', 'git'],
  async run({ files, git }, { 'max-data-megabytes': limit, except }) {
    const isCommitted = await committed(git);
    const isInLfs = await storedInLfs(files);
    const allowed = new Set(files.glob(except));
    const isRPackage = files.has('DESCRIPTION');
    const findings: Finding[] = [];
    for (const { path, bytes, symlinkTarget } of files.all) {
      if (symlinkTarget !== undefined || allowed.has(path)) continue;
      const what = models.test(path) ? 'a model' : archives.test(path) ? 'an archive' : data.test(path) ? 'data' : null;
      const largest = what === 'data' ? limit * 1e6 : modelBytes;
      if (what === null || bytes <= largest || isTestPath(path) || isInLfs(path) || !isCommitted(path)) continue;
      // R packages carry small objects as sysdata and examples.
      if (isRPackage && bytes <= limit * 1e6 && /^(R|data|inst)\//.test(path)) continue;
      findings.push({ message: `${path} looks like ${what} (${megabytes(bytes)})`, place: { path } });
    }
    return judge(capped(findings, 'files'));
  },
});
