import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from '@playwright/test';

/**
 * A maker of security keys. Chromium's virtual keys sign what they attest, but with a
 * certificate of nobody's that names no model; this maker certifies the same batch key
 * for their model (WebAuthn 8.2.1), and nothing else of an attestation is touched.
 */
export class Maker {
  /** A PEM file. */
  readonly roots: string;

  constructor(private readonly dir: string) {
    this.roots = join(dir, 'maker.pem');
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'maker.key'), '-out', this.roots, '-subj', '/CN=Maker of the security keys', '-days', '365');
  }

  /** Puts its certificate into what the page registers from now on. */
  async certifies(page: Page): Promise<void> {
    await page.route(/\/api\/(enrol|passkeys)\/finish$/, async (route) => {
      const body = route.request().postDataJSON() as { credential: { response: { attestationObject: string } } };
      const { response } = body.credential;
      response.attestationObject = this.certified(Buffer.from(response.attestationObject, 'base64url')).toString('base64url');
      await route.continue({ postData: JSON.stringify(body) });
    });
  }

  private certified(object: Buffer): Buffer {
    const list = object.indexOf(Buffer.from('x5c\x81\x59', 'latin1')) + 5; // a list of one byte string (RFC 8949 3)
    const end = list + 2 + object.readUInt16BE(list);
    const data = object.indexOf('authData', end) + 'authData'.length;
    const model = object.subarray(data + (object[data] === 0x59 ? 3 : 2) + 37).subarray(0, 16); // WebAuthn 6.1
    const made = this.certificate(new X509Certificate(object.subarray(list + 2, end)), model);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(made.length);
    return Buffer.concat([object.subarray(0, list), length, made, object.subarray(end)]);
  }

  private certificate(of: X509Certificate, model: Buffer): Buffer {
    const [key, extensions, made] = ['batch.pem', 'batch.ext', 'batch.der'].map((name) => join(this.dir, name)) as [string, string, string];
    writeFileSync(key, of.publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(extensions, `basicConstraints=critical,CA:FALSE\n1.3.6.1.4.1.45724.1.1.4=DER:0410${model.toString('hex')}\n`);
    openssl('x509', '-new', '-force_pubkey', key, '-subj', '/C=DE/O=Example/OU=Authenticator Attestation/CN=Batch', '-CA', this.roots, '-CAkey', join(this.dir, 'maker.key'), '-extfile', extensions, '-days', '365', '-outform', 'DER', '-out', made);
    return readFileSync(made);
  }
}

/** The model of Chromium's virtual keys. */
export const model = '01020304-0506-0708-0102-030405060708';

/** Plugs a security key in. Returns what takes it out. */
export async function plug(cdp: CDPSession, more: object = {}): Promise<() => Promise<void>> {
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'usb', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...more },
  });
  return async () => { await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }); };
}

function openssl(...args: string[]): void { execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }); }
