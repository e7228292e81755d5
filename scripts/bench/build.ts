/** A build of which only the code has changed, by each builder, with its push to a registry on this machine; sizes and digests. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { imagesAreMissing, startRegistry } from '../../test/support/registry.ts';
import { run, show, time } from './timing.ts';

const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

export async function bench(): Promise<void> {
  if (imagesAreMissing !== null) return console.log(`left out: ${imagesAreMissing}`);
  const main = resolve('dist/main.js');
  const registry = await startRegistry();
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com', ...args], { cwd: folder });
  try {
    const base = await registry.base();
    cpSync('examples/python', folder, { recursive: true });
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${base}\nWORKDIR /app\nCOPY src ./src\nUSER 10001\n`);
    const manifest = readFileSync(join(folder, 'flightcheck.yml'), 'utf8');
    git('init', '--quiet');
    let changes = 0;
    const change = () => {
      writeFileSync(join(folder, 'src/change.py'), `value = ${++changes}\n`);
      git('add', '--all');
      git('commit', '--quiet', '--message', 'Change');
    };
    const held = async (tag: string) => {
      const response = await fetch(`http://${registry.host}/v2/bench/model/manifests/${tag}`, { headers: { accept } });
      const { layers } = (await response.json()) as { layers: readonly { readonly size: number }[] };
      return { digest: response.headers.get('docker-content-digest'), layers: layers.map(({ size }) => size) };
    };
    for (const builder of ['append', 'buildah']) {
      writeFileSync(
        join(folder, 'flightcheck.yml'),
        `${manifest}\nimage: { builder: ${builder}, base: "${base}", repository: "${registry.host}/bench/model" }\n`,
      );
      const build = (tag: string) => run('node', [main, 'build', folder, '--push', '--image-tag', tag]);
      show(
        `build and push by ${builder}, code changed`,
        time(() => {
          change();
          build(builder);
        }, 5),
      );
      build(`${builder}-again`);
      const [first, second] = [await held(builder), await held(`${builder}-again`)];
      const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;
      console.log(
        `  built again: ${first.digest === second.digest ? 'the same digest' : 'ANOTHER DIGEST'}; ${first.layers.length} layers, ` +
          `${kilobytes(first.layers.reduce((sum, size) => sum + size, 0))} in all, ${kilobytes(first.layers.at(-1) ?? 0)} of code`,
      );
    }
  } finally {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
