// Passkey ceremonies: options from the server become what the browser wants, and
// its answer becomes JSON. Written out because parse…FromJSON and toJSON are
// younger than phones in use, and are missing from what some password managers
// hand back. One ceremony runs at a time.
import type { Ceremony, Me } from '../api-types';
import { localProblem } from './api';

type Json = Record<string, unknown>;

export function toBytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export function toBase64url(bytes: ArrayBuffer | Uint8Array): string {
  let text = '';
  for (const b of new Uint8Array(bytes)) text += String.fromCharCode(b);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** What the page can do here: "no" has a reason to show. */
export function support(): 'yes' | 'insecure' | 'missing' {
  if (!window.isSecureContext) return 'insecure';
  return 'PublicKeyCredential' in window && 'credentials' in navigator ? 'yes' : 'missing';
}

const descriptors = (list: unknown) =>
  (Array.isArray(list) ? list : []).map((d: Json) => ({ ...d, id: toBytes(d.id as string) })) as unknown as PublicKeyCredentialDescriptor[];

export function requestOptions(json: unknown): PublicKeyCredentialRequestOptions {
  const o = json as Json;
  return {
    ...o,
    challenge: toBytes(o.challenge as string),
    allowCredentials: descriptors(o.allowCredentials),
  };
}

export function creationOptions(json: unknown): PublicKeyCredentialCreationOptions {
  const o = json as Json & { user: Json };
  return {
    ...(o as unknown as PublicKeyCredentialCreationOptions),
    challenge: toBytes(o.challenge as string),
    user: { ...o.user, id: toBytes(o.user.id as string) } as unknown as PublicKeyCredentialUserEntity,
    excludeCredentials: descriptors(o.excludeCredentials),
  };
}

function common(c: PublicKeyCredential): Json {
  return {
    id: c.id,
    rawId: toBase64url(c.rawId),
    type: c.type,
    authenticatorAttachment: c.authenticatorAttachment ?? undefined,
    clientExtensionResults: c.getClientExtensionResults(),
  };
}

export function assertionJson(c: PublicKeyCredential): Json {
  const r = c.response as AuthenticatorAssertionResponse;
  return {
    ...common(c),
    response: {
      clientDataJSON: toBase64url(r.clientDataJSON),
      authenticatorData: toBase64url(r.authenticatorData),
      signature: toBase64url(r.signature),
      userHandle: r.userHandle ? toBase64url(r.userHandle) : undefined,
    },
  };
}

export function attestationJson(c: PublicKeyCredential): Json {
  const r = c.response as AuthenticatorAttestationResponse;
  return {
    ...common(c),
    response: {
      clientDataJSON: toBase64url(r.clientDataJSON),
      attestationObject: toBase64url(r.attestationObject),
      transports: r.getTransports?.() ?? [],
    },
  };
}

let running: AbortController | null = null;

/** Runs one ceremony; a second one ends the first, as the browser would refuse two. */
async function ceremony(run: (signal: AbortSignal) => Promise<Credential | null>, taken = 'passkey.already-here'): Promise<PublicKeyCredential> {
  running?.abort();
  const mine = (running = new AbortController());
  try {
    const credential = await run(mine.signal);
    if (!credential) throw localProblem('passkey.cancelled');
    return credential as PublicKeyCredential;
  } catch (e) {
    throw translate(e, taken);
  } finally {
    if (running === mine) running = null;
  }
}

/** The names of DOMException that a ceremony can end with. taken: the code of a passkey that is there already. */
function translate(e: unknown, taken: string): unknown {
  const name = e instanceof DOMException ? e.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'AbortError':
      return localProblem('passkey.cancelled');
    case 'InvalidStateError':
      return localProblem(taken);
    case 'SecurityError':
      return localProblem('passkey.wrong-site');
    case 'NotSupportedError':
    case 'ConstraintError':
      return localProblem('passkey.unsupported');
    case '':
      return e;
    default:
      return localProblem('passkey.device');
  }
}

/** Asks for an assertion. Call it straight from the tap. */
export async function assert(c: Ceremony): Promise<Json> {
  const publicKey = requestOptions(c.publicKey);
  return assertionJson(await ceremony((signal) => navigator.credentials.get({ publicKey, signal })));
}

/** Makes a passkey. Call it straight from the tap. */
export async function create(c: Ceremony): Promise<Json> {
  const publicKey = creationOptions(c.publicKey);
  // Where security keys are told from other passkeys, one that is registered may have to be registered anew.
  const taken = publicKey.attestation === 'direct' ? 'passkey.already-key' : undefined;
  return attestationJson(await ceremony((signal) => navigator.credentials.create({ publicKey, signal }), taken));
}

/** The signal methods, where the browser has them; nothing waits for them. */
interface Signals {
  signalAllAcceptedCredentials?(o: { rpId: string; userId: string; allAcceptedCredentialIds: string[] }): Promise<void>;
  signalCurrentUserDetails?(o: { rpId: string; userId: string; name: string; displayName: string }): Promise<void>;
  signalUnknownCredential?(o: { rpId: string; credentialId: string }): Promise<void>;
}

const signals = () => (globalThis.PublicKeyCredential ?? {}) as unknown as Signals;
const quietly = (p?: Promise<void>) => void p?.catch(() => undefined);

/** Tells the device's own list which passkeys and names still hold. */
export function signalAccepted({ rpId, userId, credentialIds, name, displayName }: Me['signal']): void {
  quietly(signals().signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds: credentialIds }));
  quietly(signals().signalCurrentUserDetails?.({ rpId, userId, name, displayName }));
}

/** Tells the device that this passkey opens nothing any more. */
export function signalUnknown(options: unknown, credential: unknown): void {
  const rpId = (options as { rpId?: string }).rpId ?? location.hostname;
  quietly(signals().signalUnknownCredential?.({ rpId, credentialId: (credential as { id: string }).id }));
}
