/** The environment that hooks get: an allow-list, so that no token, whatever its name, reaches code of a model repo. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Names that programs need to find themselves, their libraries, certificates and processors. */
const allowedNames: ReadonlySet<string> = new Set([
  ...['PATH', 'LANG', 'LANGUAGE', 'TZ', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SHELL', 'USER', 'LOGNAME', 'SystemRoot'],
  ...['VIRTUAL_ENV', 'PYTHONPATH', 'PYTHONHOME', 'PYTHONUSERBASE', 'PYENV_ROOT', 'PYENV_VERSION', 'PYTHONDONTWRITEBYTECODE'],
  ...['CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_EXE', 'CONDA_PYTHON_EXE', 'CONDA_SHLVL', 'MAMBA_ROOT_PREFIX', 'MAMBA_EXE'],
  ...['R_HOME', 'R_LIBS', 'R_LIBS_USER', 'R_LIBS_SITE', 'R_ENVIRON', 'R_PROFILE', 'R_MAX_VSIZE', 'R_LD_LIBRARY_PATH'],
  ...['JAVA_HOME', 'SPARK_HOME', 'HADOOP_HOME', 'HADOOP_CONF_DIR', 'JULIA_DEPOT_PATH', 'CUDA_HOME', 'CUDA_VISIBLE_DEVICES'],
  ...['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMEXPR_NUM_THREADS', 'TBB_NUM_THREADS'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'PIP_CERT', 'NODE_EXTRA_CA_CERTS'],
  ...['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS', 'UV_INDEX_URL', 'UV_DEFAULT_INDEX', 'CRAN_MIRROR'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
]);
const allowedPrefixes = ['LC_', 'NVIDIA_', 'RENV_PATHS_', 'RENV_CONFIG_'];

const secretName = /TOKEN|SECRET|PASSW|PWD_|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY|_KEY$|_PAT$|AUTH/i;
/** An address with a password in it, as proxies and package indexes have. */
const credentials = /:\/\/[^/\s]*@/;

const isAllowed = (name: string, value: string): boolean =>
  (allowedNames.has(name) || allowedPrefixes.some((prefix) => name.startsWith(prefix))) &&
  !secretName.test(name) &&
  !credentials.test(value);

export interface HookFolders {
  readonly home: string;
  readonly temporary: string;
  /** Where `setup` installs to; null when there is no setup hook. */
  readonly env: string | null;
}

/**
 * The environment of a hook. HOME is a scratch folder, so that nothing of the person who runs it (credentials, caches,
 * profiles) is picked up by chance; packages installed for that person are still found.
 */
export function hookEnvironment(own: Environment, folders: HookFolders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) if (value !== undefined && isAllowed(name, value)) kept[name] = value;
  const ownHome = own.HOME;
  if (ownHome !== undefined && ownHome !== '') {
    kept.PYTHONUSERBASE ??= `${ownHome}/.local`;
    kept.R_LIBS_USER ??= `${ownHome}/R/%p-library/%v`;
    if (kept.PATH?.includes(`${ownHome}/.pyenv/`)) kept.PYENV_ROOT ??= `${ownHome}/.pyenv`;
  }
  Object.assign(kept, { HOME: folders.home, TMPDIR: folders.temporary, PYTHONUNBUFFERED: '1', NO_COLOR: '1', TERM: 'dumb' });
  return folders.env === null ? kept : { ...kept, ...dependencyVariables(kept, folders.env) };
}

/** pip, install.packages and renv install into the folder, and the hooks find what they installed there. */
function dependencyVariables(kept: Readonly<Record<string, string>>, folder: string): Record<string, string> {
  const before = (first: string, rest: string | undefined): string => (rest ? `${first}:${rest}` : first);
  return {
    FLIGHTCHECK_ENV_DIR: folder,
    PIP_TARGET: `${folder}/python`,
    PYTHONPATH: before(`${folder}/python`, kept.PYTHONPATH),
    PATH: before(`${folder}/python/bin`, kept.PATH),
    R_LIBS_USER: before(`${folder}/r`, kept.R_LIBS_USER),
    RENV_PATHS_LIBRARY: `${folder}/renv`,
  };
}

/** Values that must never appear in a log: of variables whose name says so, and passwords in addresses. */
export function secretValues(own: Environment): string[] {
  const found = new Set<string>();
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined) continue;
    // A key of several lines is masked line by line.
    if (secretName.test(name)) for (const line of value.split(/\r?\n/)) if (line.length >= 8) found.add(line);
    const password = /:\/\/[^/\s:@]*:([^/\s@]{4,})@/.exec(value)?.[1];
    if (password !== undefined) found.add(password);
  }
  // The longest first, so that no part of one is left over.
  return [...found].sort((a, b) => b.length - a.length);
}
