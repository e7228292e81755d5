/** SQL condition that keeps about `limit` rows of `rows`, chosen by position and so the same on every run. */
export const within = (limit: number, rows: number): string =>
  rows <= limit ? 'true' : `(__row * 2654435761) % 4294967296 < ${Math.floor((limit / rows) * 4294967296)}`;
