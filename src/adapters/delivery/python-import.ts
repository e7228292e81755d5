/** Imports a rendered DAG file against stand-ins of Airflow: what fails here would fail there, in milliseconds. */
import { spawn } from 'node:child_process';

/** Every module of Airflow and Kubernetes is one object that accepts whatever is done to it. */
const script = `
import sys, types, importlib.abc, importlib.machinery
ROOTS = {"airflow", "kubernetes", "pendulum"}

class Meta(type):
    def __getattr__(cls, name):
        if name.startswith("__"): raise AttributeError(name)
        return Anything

class Anything(metaclass=Meta):
    def __init__(self, *a, **k): pass
    def __init_subclass__(cls, **k): pass
    def __call__(self, *a, **k): return Anything()
    def __getattr__(self, name): return Anything()
    def __enter__(self): return self
    def __exit__(self, *a): return False
    def __rshift__(self, other): return other
    def __lshift__(self, other): return other

class Stub(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Anything

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in ROOTS else None
    def create_module(self, spec): return Stub(spec.name)
    def exec_module(self, module): pass

sys.meta_path.insert(0, Finder())
source = sys.stdin.buffer.read().decode("utf-8")
try:
    exec(compile(source, "dag.py", "exec"), {"__name__": "dag"})
except BaseException as error:
    sys.stdout.write(f"{type(error).__name__}: {error}")
    sys.exit(1)
`;

const timeoutSeconds = 30;

/** Null when the file imports; else what Python says. `missing` when there is no python3 to ask. */
export function importProblem(text: string): Promise<string | null | 'missing'> {
  return new Promise((resolve, reject) => {
    // -I: nothing of this folder or of the user's site-packages is imported.
    const child = spawn('python3', ['-I', '-c', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: timeoutSeconds * 1000,
      env: { PATH: process.env.PATH ?? '' },
    });
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve('missing') : reject(error)));
    child.stdin.on('error', () => undefined);
    child.on('close', (code) =>
      resolve(code === 0 ? null : Buffer.concat(said).toString('utf8') || `python3 ended with ${code ?? 'a signal'}`),
    );
    child.stdin.end(text);
  });
}
