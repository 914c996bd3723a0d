// The JSON that the server speaks. Every answer with a status of 400 or more is
// an RFC 9457 problem (application/problem+json). The server's OpenAPI document
// (/api/openapi.json) describes the same.
//
// All POST, PATCH and DELETE bodies are application/json. Times are RFC 3339, UTC,
// or "" for none. Ids are opaque. base64url has no padding.

/** GET /api/info: public. */
export interface Info {
  organisation: string;
  support: Support;
  version: string;
  demo: boolean;
  languages: string[]; // "en", "de"
}

export interface Support {
  name: string;
  phone: string;
  hours: string;
  mail: string;
}

/** An RFC 9457 problem. `code` is stable ("password.history"); texts come from the catalogue by code. */
export interface Problem {
  type: string; // "https://…/problems/CODE" is never used: "about:blank" or "/problems/CODE"
  title: string; // English, for people who read logs
  status: number;
  code: string;
  detail?: string;
  /** Correlation id, shown under "Details", and in the server's log. */
  instance?: string;
  /** Retry-After in seconds, with 429 and 503. */
  retryAfter?: number;
  /** Values for the text: {"until":"2026-…","left":"2","diagnostic":"0000052D"}. */
  params?: Record<string, string>;
}

/** POST /api/sign-in/begin {} -> Ceremony<…>; public. */
export interface Ceremony {
  token: string; // names the ceremony in the finish call; single use
  publicKey: unknown; // for PublicKeyCredential.parse{Request,Creation}OptionsFromJSON
  timeoutMs: number;
}

/** POST /api/sign-in/finish -> Me, and the session cookie; public. */
export interface SignInFinish {
  token: string;
  credential: unknown; // credential.toJSON()
  remember: boolean;
}

/** POST /api/sign-out {everywhere} -> 204 */
export interface SignOut { everywhere: boolean; }

/** GET /api/me -> Me */
export interface Me {
  account: Account;
  options: Option[];
  /** Open and recent requests of mine, newest first (at most 10). */
  requests: Request[];
  /** For the WebAuthn signal methods. */
  signal: { rpId: string; userId: string; credentialIds: string[]; name: string; displayName: string };
  passkeys: number;
  session: { signedIn: string; expires: string; remember: boolean };
}

export interface Account {
  displayName: string;
  givenName: string;
  name: string; // CORP\sam or UPN, as the person types it at work
  department: string;
  state: AccountState[]; // most important first; ["ok"] when nothing is the matter
  lockedSince: string;
  lockedUntil: string; // "" with "locked": until somebody unlocks it
  badPasswords: number;
  lastBad: string;
  passwordSet: string;
  passwordExpires: string; // "" for never
  accountExpires: string; // "" for never
  nextLogon: string; // with "outside-hours"
  readAt: string;
}

export type AccountState =
  | 'ok' | 'locked' | 'disabled' | 'account-expired' | 'must-change'
  | 'password-expired' | 'password-expires-soon' // within 14 days
  | 'outside-hours' | 'protected' | 'smartcard';

export type Kind = 'unlock' | 'reset' | 'change' | 'one-time';

export interface Option {
  kind: Kind;
  allowed: boolean;
  code: string; // why not: "policy.not-allowed", "account.not-locked", "account.disabled", …
}

/** POST /api/requests {kind, reason} -> Request (201; 200 when an open one came back). */
export interface Submit { kind: Kind; reason?: string; }

/** GET /api/requests/{id} -> Request; GET /api/requests -> {requests: Request[]} */
export interface Request {
  id: string;
  kind: Kind;
  state: 'draft' | 'pending' | 'approved' | 'executing' | 'done' | 'failed' | 'unknown' | 'denied' | 'expired' | 'cancelled';
  /** What is missing in "draft": ["passkey"]. */
  needs: string[];
  created: string;
  updated: string;
  deadline: string;
  /** Cause code after a refusal or failure: "password.history". */
  code: string;
  params: Record<string, string>; // "diagnostic", "controller", "since" …
  triesLeft: number;
  /** One-time: the password was written but not confirmed as seen: Execute again replaces it. */
  unseen: boolean;
  unlocked: boolean; // the execution also unlocked a locked account
  watchUntil: string; // done unlock: watched until then
  relocked: { at: string; badPasswords: number; cause: 'device' | 'typing' } | null;
  version: number;
}

/** POST /api/requests/{id}/proof/begin {} -> Ceremony */
/** POST /api/requests/{id}/proof/finish {token, credential} -> Request */
export interface ProofFinish { token: string; credential: unknown; }

/** GET /api/password-rules -> PasswordRules: those that apply to me. */
export interface PasswordRules {
  known: boolean; // false: "a policy applies that Latchkey may not read"
  source: 'domain' | 'pso' | 'unreadable';
  policy: string;
  min_length: number;
  complexity: boolean;
  names: string[]; // lower case
  min_score: number;
  history: number;
  history_on_reset: boolean;
  min_age_days: number;
  change_from: string; // "" when a change is possible now
  change_tries_left: number; // -1 where nothing locks
  strength: boolean;
  banned: boolean;
  breached: boolean;
}

/** POST /api/requests/{id}/password/check {password} -> {findings, score} */
export interface PasswordCheck { findings: Finding[]; score: number; }
export interface Finding { code: string; ok: boolean; have?: string; want?: string; }

/** POST /api/requests/{id}/execute {password?, old?} -> Executed */
export interface Executed {
  request: Request;
  /** One-time only, once; "" otherwise. */
  generated: string;
}

/** POST /api/requests/{id}/seen {} -> Request; POST /api/requests/{id}/cancel {} -> Request */

/** POST /api/enrol/open {token} -> EnrolOpen; public. Consumes nothing. */
export interface EnrolOpen {
  givenName: string;
  password: boolean; // ask for the current AD password
  expires: string;
  link: string; // the link itself, as the QR code carries it
  qr: string; // SVG path data of the QR code, one <path d> on a qrSize×qrSize grid
  qrSize: number;
}
/** POST /api/enrol/password {token, password} -> {grant}; public. */
/** POST /api/enrol/begin {token, grant} -> Ceremony; public. */
/** POST /api/enrol/finish {token: ceremony, name, credential, remember} -> Me, and the cookie; public. */
export interface EnrolFinish { token: string; name: string; credential: unknown; remember: boolean; }

/** GET /api/passkeys -> {passkeys: Passkey[]} */
export interface Passkey {
  id: string; // base64url credential id
  name: string;
  created: string;
  lastUsed: string; // "" for never
  synced: boolean; // backup state
  current: boolean; // signed in with this one
}
/** PATCH /api/passkeys/{id} {name} -> Passkey */
/** Adding and removing take an assertion of their own:
 *  POST /api/step-up/begin {purpose: "add-passkey" | "remove-passkey", passkey?: id} -> Ceremony
 *  POST /api/step-up/finish {token, credential} -> {proof}: the id of an unconsumed proof of this session
 *  POST /api/passkeys/begin {proof} -> Ceremony (creation)
 *  POST /api/passkeys/finish {token, name, credential} -> Passkey
 *  POST /api/passkeys/invite {proof} -> Invite: a link for another device, ten minutes
 *  POST /api/passkeys/{id}/remove {proof, last} -> 204; 409 "passkey.last" when it is the last one and last is false */
export interface Invite { link: string; qr: string; qrSize: number; expires: string; }

/** GET /api/stored -> Stored: what is kept about me, in plain words' values. */
export interface Stored {
  objectGUID: string;
  passkeys: Passkey[];
  sessions: { device: string; signedIn: string; lastSeen: string; current: boolean }[];
  requests: number;
  events: number;
  retention: string; // ISO 8601 duration, or "" for no limit
}

/** GET /api/activity -> {events: Activity[]}: what happened to my account here, newest first, at most 50. */
export interface Activity { time: string; action: string; outcome: string; reason: string; kind: Kind | ''; device: string; }

/** POST /api/forget {} -> 204: ends the session, clears what the browser keeps (Clear-Site-Data). */
