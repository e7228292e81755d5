/** The version, from package.json; the bundle has it built in. */
import packageJson from '../../package.json' with { type: 'json' };

export const version: string = packageJson.version;
