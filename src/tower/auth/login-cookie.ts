/**
 * A login under way is kept by the browser that began it, encrypted, and by nobody else: strangers begin as many as they like.
 * The key comes from the client's secret, which all replicas have. An answer is used once: the provider takes a code once.
 */
import { hkdfSync } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';

export interface LoginAttempt {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly returnTo: string;
}

export const loginSeconds = 600;

/** Anything else that this key might seal one day has another name. */
const purpose = 'flightcheck tower login';

export function loginCookie(clientSecret: string) {
  const key = new Uint8Array(hkdfSync('sha256', clientSecret, '', purpose, 32));
  return {
    seal: ({ verifier, state, nonce, returnTo }: LoginAttempt): Promise<string> =>
      new EncryptJWT({ verifier, state, nonce, returnTo })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setExpirationTime(new Date(Date.now() + loginSeconds * 1000))
        .encrypt(key),
    /** @returns null for what is not ours, or is too old. */
    async open(cookie: string): Promise<LoginAttempt | null> {
      try {
        const { payload } = await jwtDecrypt<LoginAttempt>(cookie, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
          requiredClaims: ['exp'],
        });
        const { verifier, state, nonce, returnTo } = payload;
        return { verifier, state, nonce, returnTo };
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },
  };
}
