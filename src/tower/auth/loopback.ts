/** The names of this machine that nobody else reaches. */
const names: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @param host As `new URL` names it, or an address to listen on: `::1` is `[::1]`. No port. */
export function isLoopback(host: string): boolean {
  const address = `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`;
  return URL.canParse(address) && names.has(new URL(address).hostname);
}
