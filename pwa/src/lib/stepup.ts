// Changing passkeys takes an assertion of its own, bound to what is changed.
import type { Ceremony } from '../api-types';
import { post } from './api';
import { assert } from './webauthn';

/** Asserts and returns the proof's id, good for one act of this session. */
export async function stepUp(c: Ceremony): Promise<string> {
  const credential = await assert(c);
  const { proof } = await post<{ proof: string }>('/api/step-up/finish', { token: c.token, credential });
  return proof;
}
