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
  /** What lets somebody in without a passkey, the strongest use first: [["recovery-code"], ["pin", "mail-code"]]
   *  is a recovery code, or a PIN and a code by mail. [] where there is no such way. */
  recovery: WayKind[][];
  /** What each of these leads to: recoveryKinds[0] is of recovery[0]. For another kind it lets nobody in. */
  recoveryKinds: Kind[][];
  /** What the directory attribute of "directory" is called; null where nothing asks for it. */
  attribute: Said | null;
}

/** A text of the organisation's own, in each language. */
export interface Said { en: string; de: string; }

/** What proves who somebody is, beside a passkey. "directory" is an attribute such as the employee number, never enough
 *  alone; "password" is the current one of the account. */
export type ProofKind = 'recovery-code' | 'totp' | SentKind | 'pin' | 'questions' | 'directory' | 'password';

/** What an alternative of the way in without a passkey may hold: "vouching" is somebody's word, which is waited for. */
export type WayKind = ProofKind | 'vouching';

/** A code that is sent: eight digits, ten minutes. */
export type SentKind = 'mail-code' | 'sms-code';

/** A question that the organisation has chosen. */
export interface Question extends Said { id: string; }

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
  /** Latchkey does nothing for my account until somebody lifts that. By this, and not by the options: there may be none. */
  frozen: boolean;
  options: Option[];
  /** Open and recent requests of mine, newest first (at most 10). */
  requests: Request[];
  /** For the WebAuthn signal methods. */
  signal: { rpId: string; userId: string; credentialIds: string[]; name: string; displayName: string };
  passkeys: number;
  /** recovered: signed in without a passkey, for the account, its requests and a new passkey only. */
  session: { signedIn: string; expires: string; remember: boolean; recovered: boolean };
  /** What waits in my inbox: requests for my review, and freezes that I may lift. */
  waiting: number;
  /** This person may be asked to review, or was: show the inbox. */
  reviewer: boolean;
  /** What I have to set up and have not; null for nothing. 409 "duty.missing" (params proofs: "recovery-code totp")
   *  refuses what is refused until I have. */
  duty: Duty | null;
}

export interface Duty {
  missing: string[]; // kinds of proofs
  by: string; // when it is, or was, due; "" for at once
  overdue: boolean;
  limits: boolean; // once overdue I may unlock and get a new passkey, and no more
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

export type Kind = 'unlock' | 'reset' | 'change' | 'one-time' | 'enrol'; // enrol: a new passkey, for the phone is lost or new

export interface Option {
  kind: Kind;
  allowed: boolean;
  code: string; // why not: "policy.not-allowed", "account.not-locked", "account.disabled", …
  /** Somebody else approves first: ask for the reason before submitting. */
  approval: boolean;
}

/** POST /api/requests {kind, reason} -> Request (201; 200 when an open one came back). */
export interface Submit { kind: Kind; reason?: string; }

/** GET /api/requests/{id} -> Request; GET /api/requests -> {requests: Request[]} */
export interface Request {
  id: string;
  kind: Kind;
  state: 'draft' | 'pending' | 'approved' | 'executing' | 'done' | 'failed' | 'unknown' | 'denied' | 'expired' | 'cancelled';
  /** What is missing in "draft": ["passkey"], or more of the preferred way. "hardware-key" is
   *  the same ceremony, and 422 "proof.not-hardware" for any other passkey. */
  needs: string[];
  /** Every way that is left in "draft", the preferred one first: any of them is enough. */
  ways: RequestWay[];
  created: string;
  updated: string;
  deadline: string;
  /** Cause code after a refusal or failure: "password.history". */
  code: string;
  params: Record<string, string>; // "diagnostic", "controller", "since" …
  triesLeft: number;
  /** One-time: the password was written but not confirmed as seen: Execute again replaces it. */
  /** Asked for without a proof, and perhaps not by its owner: a colleague's word is the proof. */
  vouched: boolean;
  unseen: boolean;
  unlocked: boolean; // the execution also unlocked a locked account
  watchUntil: string; // done unlock: watched until then
  relocked: { at: string; badPasswords: number; cause: 'device' | 'typing' } | null;
  version: number;
  /** Of a request that is or was reviewed; null otherwise. */
  review: Reviewing | null;
}

/** What is left of one alternative. lacks: of these, what I have not set up, or have no address for. */
export interface RequestWay { needs: string[]; lacks: string[]; }

/** The requester's half of a review. */
export interface Reviewing {
  since: string; // when they were asked
  /** The two digits that I tell my approver; "" where none are asked for. */
  number: string;
  wrongNumbers: number;
  reminded: string; // when I reminded; "" for not yet
  canRemind: string; // from when I may remind; "" when not (any more)
  decided: Decided | null;
}

/** What a reviewer said. */
export interface Decided {
  verdict: 'approve' | 'deny' | 'report';
  at: string;
  chip: string; // of a denial: "not-asked" | "not-now" | "not-mine" | "unsure" | "other"; "" otherwise
  reason: string;
}

/** GET /api/requests/{id}/asked -> {asked: Asked[], group}: who was asked, at most 5; count says how many.
 *  The photo, where photo is true: GET /api/requests/{id}/photo/{account} (image/jpeg; 204 for none that can be shown, 404 for nobody of this request). */
export interface AskedList {
  asked: Asked[];
  count: number;
  group: string; // name of the group, "" for the manager
  reachable: boolean; // a device or a mail address of somebody asked is known
}
export interface Asked { account: string; displayName: string; department: string; photo: boolean; at: string; }
/** POST /api/requests/{id}/remind {} -> Request; 409 "review.reminded" */

/** GET /api/inbox -> Inbox. Kept by the worker, so that it can be read offline. */
export interface Inbox { waiting: Review[]; decided: Review[]; readAt: string; }

/** GET /api/reviews/{id} -> Review: the request as its approver sees it. */
export interface Review {
  id: string;
  kind: Kind;
  state: Request['state'];
  /** I may decide it now; else code says why not ("review.not-approver", "review.decided", "request.expired" …). */
  open: boolean;
  code: string;
  account: string; // objectGUID of the person, for the photo
  displayName: string;
  department: string;
  title: string;
  name: string; // CORP\sam or UPN
  photo: boolean;
  reason: string;
  device: string;
  address: string;
  /** The address is of a private network (RFC 1918, RFC 4193). */
  internal: boolean;
  proofs: string[]; // what they proved: ["passkey"]
  created: string;
  asked: string; // when I was asked
  deadline: string;
  /** Ask for the two digits that the requester's screen shows. */
  number: boolean;
  numbersLeft: number;
  signs: { code: 'often' | 'reported-before' | 'denied-before' | 'new-device' | 'weak-proof'; count: number }[];
  frozen: boolean; // the person's account is frozen here
  /** What I said; null when I did not. */
  mine: Decided | null;
  version: number;
}
export interface ApproveBegin { number: string; }
export interface Denial { chip: string; reason: string; }
/** POST /api/reviews/{id}/approve/begin {number} -> Ceremony; 422 "review.number" with params.left, 409 "review.number-cancelled"
 *  POST /api/reviews/{id}/approve/finish {token, credential} -> Review
 *  POST /api/reviews/{id}/deny {chip, reason} -> Review; chip: "not-asked" | "not-now" | "not-mine" | "unsure" | "other"
 *  POST /api/reviews/{id}/report {} -> Review: "this is not right": the request can't go on
 *  POST /api/reviews/{id}/freeze/begin {} -> Ceremony; …/freeze/finish {token, credential} -> Review: freezes the account here */

/** GET /api/devices -> Devices */
export interface Devices {
  publicKey: string;
  devices: Device[];
  mail: string; // masked address that mails go to, "" for none
}
export interface SubscribeDevice {
  endpoint: string;
  p256dh: string;
  auth: string;
  key?: string; // the application server key that it was made with, where the browser says
  replaces?: string; // endpoint of mine whose place it took, where the browser changed it by itself
}
export interface Device {
  id: string;
  device: string;
  created: string;
  renewed: string; // the app was last opened there
  reached: string; // a push service last took a message for it; "" for never
  failed: string; // code of the last failure since; "" for none
}
/** POST /api/devices {endpoint, p256dh, auth} -> Device (renewed when it is known): base64url.
 *  422 "device.endpoint", 409 "device.another" and "device.key" (subscribe anew and try again), 409 "device.too-many"
 *  POST /api/devices/{id}/test {} -> 204; 502 "device.unreachable", 410 "device.gone"
 *  POST /api/devices/{id}/remove {} -> 204 */

/** GET /api/live: server-sent events of this browser's person. "request": {"id","version"}; a comment each 15 s.
 *  The page re-reads what it shows; an event says nothing else. */
export interface LiveRequest { id: string; version: number; }

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
  hardware: boolean; // kept for good by what its maker attested, and what is accepted: a security key,
  computer: boolean; // or this: a computer's own chip
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

/** GET /api/proofs -> Proofs: what I hold beside passkeys. One that is neither offered nor held is not shown. */
export interface Proofs {
  recoveryCodes: { offered: boolean; total: number; left: number; created: string }; // total 0: none were made
  totp: Held;
  mailCode: SentProof;
  smsCode: SentProof;
  pin: Held & { least: number }; // how many digits a new one has at least
  /** answer of the list are given, ask of them are asked. stale: the list has changed since, and they prove nothing until they are answered anew. */
  questions: Held & { stale: boolean; answer: number; ask: number; list: Question[] };
}
export interface Held { offered: boolean; held: boolean; created: string; lastUsed: string; }
export interface SentProof {
  offered: boolean;
  address: string; // masked; "" for none
  from: 'directory' | 'verified' | ''; // IT keeps it, or the person verified it here
  canVerify: boolean; // an address of one's own may be verified here
  stale: string; // masked: what the person verified, where no codes go any more; "" for none
  created: string;
  lastUsed: string;
}
/** They are changed with a step-up of their own: purpose "recovery-codes", "totp", "pin", "questions", "mail-code",
 *  "sms-code", or "remove-proof" with one of these as kind ("recovery-code" for the codes). A proof is used up by success only.
 *  POST /api/proofs/recovery-codes {proof} -> {codes}: shown once; the old ones are void
 *  POST /api/proofs/totp/begin {proof} -> TotpBegin
 *  POST /api/proofs/totp/finish {token, code} -> Proofs; 422 "proof.wrong" or "proof.clock" (params clock: behind | ahead | ahead-used, minutes) may be tried again, 410 "ceremony.unknown"
 *  POST /api/proofs/pin {proof, pin} -> Proofs; 422 "proof.pin-short", "proof.pin-long", "proof.pin-trivial"
 *  POST /api/proofs/questions {proof, answers: Answer[]} -> Proofs; 422 with params.id "proof.answer-short",
 *  "proof.answer-in-question", "proof.answer-repeats", "proof.answer-common"
 *  POST /api/proofs/address/begin {proof, kind, address} -> AddressBegin; 422 "proof.address", "proof.address-own", "proof.address-country",
 *  502 "code.not-sent"
 *  POST /api/proofs/address/finish {token, code} -> Proofs; 422 "proof.wrong" may be tried again, 410 "ceremony.unknown"
 *  POST /api/proofs/remove {proof, kind} -> Proofs */
export interface Answer { id: string; value: string; }
export interface AddressBegin { token: string; address: string; }

/** One proof as it is sent. answers: those to the questions, in the order asked, with value "". */
export interface Given { kind: ProofKind; value: string; answers?: string[]; }

/** Where a request needs more than the passkey:
 *  POST /api/requests/{id}/ask {kinds} -> Ask: sends the codes, which count for this request; 502 "code.not-sent", 409 "proof.no-address"
 *  POST /api/requests/{id}/answers {token, proofs: Given[]} -> Request; 422 "proof.wrong" or "proof.clock", 410 "ceremony.unknown",
 *  404 "proof.not-held". token: of Ask, "" where nothing had to be asked. */
export interface Ask { token: string; sent: Partial<Record<SentKind, string>>; questions: Question[]; }
export interface TotpBegin {
  token: string;
  secret: string; // base32, in groups of four
  uri: string; // otpauth://totp/…
  qr: string; // as in Invite
  qrSize: number;
}

/** POST /api/recover/begin {name, kind} -> RecoverBegun; public. Answers the same whatever the name is. A kind beside those of requests is "thaw".
 *  POST /api/recover/send {token, kind: SentKind} -> {token}: the new token takes that code, and is used from now on.
 *  It says nothing of whether something was sent. */
export interface RecoverBegin { name: string; kind: Kind; }
export interface RecoverBegun { token: string; questions: Question[]; }
/** POST /api/recover/finish {token, proofs} -> Me, and the cookie of a short session; public. 403 "recover.refused"
 *  for a wrong name, a wrong or used proof, and one that is not enough; 410 "ceremony.unknown": begin again. */
export interface RecoverFinish { token: string; proofs: Given[]; }

/** Of an approved request of kind "enrol":
 *  POST /api/requests/{id}/passkey/begin {} -> Ceremony (creation)
 *  POST /api/requests/{id}/passkey/finish ReplaceFinish -> Request */
export interface ReplaceFinish {
  token: string;
  name: string;
  credential: unknown;
  removeOthers: boolean; // the passkeys before it go, and the sessions that they opened
}

/** GET /api/stored -> Stored: what is kept about me, in plain words' values. */
export interface Stored {
  objectGUID: string;
  passkeys: Passkey[];
  sessions: { device: string; signedIn: string; lastSeen: string; current: boolean }[];
  requests: number;
  reviews: number; // that the person was asked to decide
  devices: number; // browsers that take their notifications
  browsers: number; // that they signed in with, as on a device of their own
  frozen: boolean;
  codes: number; // recovery codes, used ones among them
  app: boolean; // an authenticator app
  mail: boolean; // a mail address of their own, for codes
  phone: boolean; // and a number
  pin: boolean;
  questions: boolean; // answers to them
  events: number;
  retention: string; // ISO 8601 duration, or "" for no limit
}

/** GET /api/activity -> {events: Activity[]}: what happened to my account here, newest first, at most 50. */
export interface Activity { time: string; action: string; outcome: string; reason: string; kind: Kind | ''; device: string; }

/** GET /api/freeze -> OwnFreeze
 *  POST /api/freeze {} -> 204: "this wasn't me": freezes my account here and ends every session, this one too
 *  POST /api/freeze/thaw/begin {} -> Ceremony; …/thaw/finish {token, credential} -> OwnFreeze: proves that it is me; IT lifts it
 *  POST /api/freeze/thaw/recovered {} -> OwnFreeze: the same by what let me in without a passkey, for "thaw"
 *  POST /api/freeze/notice FreezeByNotice -> 204; 404 "freeze.link" for every link that is not good. Nobody is signed in for it. */
export interface OwnFreeze {
  frozen: boolean;
  at: string;
  own: boolean;
  asked: string;
}
export interface FreezeByNotice { token: string; }

/** POST /api/forget {} -> 204: ends the session, clears what the browser keeps (Clear-Site-Data). */

/** POST /api/recover/ask {token, proofs} -> Waiting; public, and alike for every name. */
export interface Waiting {
  token: string;
  number: string;
  until: string;
}

/** POST /api/recover/wait {token} -> Waited, and with "in" the cookie of a short session; public. 410 once it is over. */
export interface Waited {
  state: 'waiting' | 'in';
  request: string;
  me: Me | null;
}

/** POST /api/recover/stop {token} -> 204, alike for every name; public. Whoever was asked need not answer any more; by the same beginning nobody is asked again. */

/** GET /api/thaws -> ThawList; POST /api/thaws/{account}/begin {asked} -> Ceremony; 409 "account.asked-anew", …/finish -> ThawList. */
export interface ThawList {
  thaws: Thaw[];
}

/** Somebody whose account is frozen, who proved that it is them, and whom I may let in again. */
export interface Thaw {
  account: string;
  displayName: string;
  department: string;
  title: string;
  frozen: string;
  asked: string;
  own: boolean;
  /** What with: a passkey, or what they came in by. */
  proved: string[];
  /** They hold a passkey, and proved it without one. */
  unused: boolean;
}
