import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Directory, type Controller, type Person } from './directory.ts';
import { furtherProofs } from './further.ts';
import { programs, root, start, type Started } from './process.ts';
import { Stand } from './stand.ts';

export type Database = 'sqlite' | 'postgres';

/** A real Samba controller, a Latchkey in front of it, and the world that it sends to. */
export class Stack {
  readonly directory: Directory;

  private constructor(
    readonly dir: string,
    private readonly samba: Started<Controller>,
    private latchkey: Started<{ url: string }>,
    private readonly postgres: Started<{ dsn: string }> | undefined,
    readonly stand: Stand,
    readonly config: string,
  ) {
    this.directory = new Directory(samba.ready, join(dir, 'dc'));
  }

  get url(): string { return this.latchkey.ready.url; }
  get log(): string { return this.latchkey.log(); }

  static async start(database: Database): Promise<Stack> {
    const dir = mkdtempSync(join(tmpdir(), 'latchkey-e2e-'));
    const dcDir = join(dir, 'dc');
    mkdirSync(dcDir);
    const samba = await start<Controller>(programs.sambadc, ['--dir', dcDir, '--ready', join(dir, 'dc.json')], join(dir, 'dc.json'), 120);
    const stand = await Stand.start(dir);
    new Directory(samba.ready, dcDir).group(panel);
    const config = join(dir, 'latchkey.yaml');
    const postgres = database === 'postgres' ? await Stack.postgres(dir) : undefined;
    writeFileSync(config, configuration(dir, samba.ready, stand, await freePort(), postgres?.ready.dsn));
    const latchkey = await Stack.serve(dir, config);
    return new Stack(dir, samba, latchkey, postgres, stand, config);
  }

  private static postgres(dir: string): Promise<Started<{ dsn: string }>> {
    return start(programs.pgserver, ['--ready', join(dir, 'pg.json')], join(dir, 'pg.json'), 60);
  }

  private static serve(dir: string, config: string): Promise<Started<{ url: string }>> {
    const binary = join(root, 'bin/latchkey');
    if (!existsSync(binary)) throw new Error('bin/latchkey is missing: run ./task build');
    return start(binary, ['serve', '--config', config, '--ready', join(dir, 'ready.json')], join(dir, 'ready.json'), 30);
  }

  /** Stops and starts Latchkey; the directory stays. */
  async restart(): Promise<void> {
    await this.latchkey.stop();
    this.latchkey = await Stack.serve(this.dir, this.config);
  }

  /** Runs fn under a changed configuration, and goes back to the one of before. */
  async under(change: (configuration: Configuration) => object, fn: () => Promise<void>): Promise<void> {
    const before = readFileSync(this.config, 'utf8');
    try {
      writeFileSync(this.config, JSON.stringify(change(JSON.parse(before) as Configuration)));
      await this.restart();
      await fn();
    } finally {
      writeFileSync(this.config, before);
      await this.restart();
    }
  }

  /** The link that `latchkey invite` prints, made through the running server. */
  invite(person: Person, ...flags: string[]): string {
    const out = execFileSync(join(root, 'bin/latchkey'), ['invite', '--config', this.config, ...flags, person.upn], { encoding: 'utf8' });
    const link = /https?:\/\/\S+/.exec(out)?.[0];
    if (link === undefined) throw new Error(out);
    return link;
  }

  /** Runs a command of Latchkey's and returns what it says. */
  command(...args: string[]): string {
    return execFileSync(join(root, 'bin/latchkey'), args, { encoding: 'utf8' });
  }

  /** What the exported log says of a request, once the whole of it is verified. */
  actions(request: string): string[] { return this.events().filter((e) => e.request === request).map((e) => e.action); }

  /** How often somebody has touched a passkey, by the log. */
  touches(person: Person): number {
    const id = this.directory.id(person);
    return this.events().filter((e) => e.actor === id && (e.action === 'session.signed-in' || e.action === 'session.stepped-up')).length;
  }

  private events(): Event[] {
    const file = join(this.dir, 'log.jsonl');
    this.command('audit', 'export', '--config', this.config, file);
    this.command('audit', 'verify', file);
    return readFileSync(file, 'utf8').trim().split('\n').flatMap((l) => (JSON.parse(l) as { event?: Event }).event ?? []);
  }

  async stop(): Promise<void> {
    await this.latchkey.stop();
    await this.postgres?.stop();
    await this.samba.stop();
    await this.stand.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What is changed of it. */
interface Configuration { proofs: object; policies: object[] }

interface Event { action: string; actor: string; request?: string }

/** The group of those who stand in for a manager, and who alone approve for `Panel`. */
const panel = 'Approvers';

/** Departments whose people need somebody's approval for a reset. Everybody else needs none. */
export const departments = {
  byManager: 'Finance', // else the panel
  byPanel: 'Board',
  numbered: 'Treasury',
  shortly: 'Harbour', // within a minute
  recoverable: 'Studio', // not even a passkey is needed
  both: 'Archive', // neither, but then two proofs, and a new passkey is approved by the manager
  byMail: 'Library', // an unlock takes a code by mail
  byText: 'Depot', // or by text message
  byPin: 'Kitchen', // a PIN and the employee number
  byQuestions: 'Theatre', // answers and a code by mail
  byPassword: 'Registry', // a reset takes the current password and a code by mail
  byWord: 'Gallery', // a colleague's word lets in
  byWordAndPin: 'Orchard', // and a PIN
  reminded: 'Attic', // what is to be set up within two weeks is said
  limited: 'Cellar', // until it is set up there is an unlock and no more
  more: 'Laboratory', // a reset takes a code by mail and a PIN beside the passkey
  either: 'Foundry', // a code by mail beside it, or a PIN
} as const;

function policies(dc: Controller): object[] {
  const passkey = { prove: ['passkey'] };
  const group = { group: `CN=${panel},CN=Users,${dc.base_dn}` };
  const reviewed = (department: string, tier: object, more: object = {}) => {
    const act = { ...passkey, approve: [tier], ...more };
    return { name: department, who: { department }, unlock: passkey, reset: act, change: passkey, 'one-time': act };
  };
  const unlocked = (department: string, set: string) => ({ name: department, who: { department }, unlock: { prove: ['passkey', set] }, reset: passkey });
  return [
    reviewed(departments.byManager, { by: 'manager', within: '15m', else: group }),
    reviewed(departments.byPanel, { by: group }),
    reviewed(departments.numbered, { by: 'manager' }, { number: 'required' }),
    reviewed(departments.shortly, { by: 'manager', within: '1m' }),
    {
      name: departments.recoverable, who: { department: departments.recoverable }, change: passkey,
      unlock: { prove: ['passkey', 'recovery-code', 'totp'] }, reset: { prove: ['passkey', 'recovery-code', 'totp'] }, enrol: { prove: ['passkey', 'recovery-code'] },
    },
    {
      name: departments.both, who: { department: departments.both },
      unlock: { prove: ['passkey', 'recovery-code + totp'] }, enrol: { prove: ['recovery-code'], approve: [{ by: 'manager' }] },
    },
    unlocked(departments.byMail, 'mail-code'), unlocked(departments.byText, 'sms-code'), unlocked(departments.byPin, 'pin + directory'),
    unlocked(departments.byQuestions, 'questions + mail-code'),
    {
      name: departments.byWord, who: { department: departments.byWord }, unlock: passkey,
      reset: { prove: ['passkey', 'vouching'], approve: [{ by: 'manager', within: '15m', else: group }] }, enrol: { prove: ['vouching'], approve: [{ by: 'manager' }] },
    },
    { name: departments.byWordAndPin, who: { department: departments.byWordAndPin }, unlock: { prove: ['vouching + pin'], approve: [{ by: 'manager' }] } },
    { name: departments.byPassword, who: { department: departments.byPassword }, unlock: passkey, reset: { prove: ['passkey', 'password + mail-code'] } },
    {
      name: departments.reminded, who: { department: departments.reminded }, hold: { must: ['passkey', 'recovery-code', 'totp'], within: '14d' },
      unlock: { prove: ['passkey', 'recovery-code', 'totp'] }, reset: passkey,
    },
    {
      name: departments.limited, who: { department: departments.limited }, hold: { must: ['passkey', 'recovery-code'], otherwise: 'limit' },
      unlock: { prove: ['passkey', 'recovery-code'] }, reset: passkey,
    },
    { name: departments.more, who: { department: departments.more }, unlock: passkey, reset: { prove: ['passkey + mail-code + pin'] } },
    { name: departments.either, who: { department: departments.either }, unlock: passkey, reset: { prove: ['passkey + mail-code', 'passkey + pin'] } },
    { name: 'staff', who: { everyone: true }, unlock: passkey, reset: passkey, change: passkey, 'one-time': passkey },
  ];
}

function configuration(dir: string, dc: Controller, stand: Stand, port: number, dsn: string | undefined): string {
  if (dsn !== undefined) writeFileSync(join(dir, 'database.dsn'), dsn, { mode: 0o600 });
  writeFileSync(join(dir, 'service.password'), dc.service_password, { mode: 0o600 });
  return JSON.stringify({
    listen: `127.0.0.1:${port}`,
    public_url: `http://localhost:${port}`,
    organisation: 'Example Corp', limit_factor: 100,
    data: join(dir, 'data'),
    ...(dsn === undefined ? {} : { database: { dsn_file: join(dir, 'database.dsn') } }),
    support: { name: 'IT Service Desk', phone: '+49 30 5550 100', mail: 'servicedesk@corp.example.test', hours: 'Mon–Fri 7:00–19:00' },
    directory: {
      controllers: [dc.ldaps_url], ca_file: dc.ca_file,
      read: { bind: dc.service_bind, password_file: join(dir, 'service.password') },
    },
    enrolment: { password: true },
    passwords: { strength: 2, banned: ['latchkey'] },
    push: { proxy: stand.proxy, ca_file: stand.caFile },
    mail: { host: stand.mailHost, port: stand.mailPort, from: 'latchkey@corp.example.test', ca_file: stand.caFile },
    proofs: furtherProofs(dir, stand),
    policies: policies(dc),
  }, null, 2); // JSON is YAML
}

/**
 * Below the ports that the system gives to outgoing connections, and in a range of this worker's own: one of
 * those, or the other worker's stack, would take it while the server restarts.
 */
function freePort(tries = 100): Promise<number> {
  const port = 20_000 + 3000 * (Number(process.env.TEST_PARALLEL_INDEX ?? 0) % 4) + Math.floor(Math.random() * 3000);
  return new Promise<number>((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(port, '127.0.0.1', () => { s.close(() => { resolve(port); }); });
  }).catch((e: unknown) => { if (tries > 0) return freePort(tries - 1); throw e; });
}
