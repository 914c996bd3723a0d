import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Directory, type Controller, type Person } from './directory.ts';
import { goBuild, root, start, type Started } from './process.ts';

/** A real Samba controller and a Latchkey in front of it. */
export class Stack {
  readonly directory: Directory;

  private constructor(
    readonly dir: string,
    private readonly samba: Started<Controller>,
    private latchkey: Started<{ url: string }>,
    readonly config: string,
  ) {
    this.directory = new Directory(samba.ready, join(dir, 'dc'));
  }

  get url(): string { return this.latchkey.ready.url; }
  get log(): string { return this.latchkey.log(); }

  static async start(): Promise<Stack> {
    const dir = mkdtempSync(join(tmpdir(), 'latchkey-e2e-'));
    const sambadc = goBuild('./e2e/samba/cmd/sambadc', join(root, 'bin/sambadc'));
    const dcDir = join(dir, 'dc');
    mkdirSync(dcDir);
    const samba = await start<Controller>(sambadc, ['--dir', dcDir, '--ready', join(dir, 'dc.json')], join(dir, 'dc.json'), 120);
    const config = join(dir, 'latchkey.yaml');
    writeFileSync(config, configuration(dir, samba.ready, await freePort()));
    const latchkey = await Stack.serve(dir, config);
    return new Stack(dir, samba, latchkey, config);
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

  /** The link that `latchkey invite` prints, made through the running server. */
  invite(person: Person, ...flags: string[]): string {
    const out = execFileSync(join(root, 'bin/latchkey'), ['invite', '--config', this.config, ...flags, person.upn], { encoding: 'utf8' });
    const link = /https?:\/\/\S+/.exec(out)?.[0];
    if (link === undefined) throw new Error(out);
    return link;
  }

  audit(...args: string[]): string {
    return execFileSync(join(root, 'bin/latchkey'), ['audit', ...args], { encoding: 'utf8' });
  }

  async stop(): Promise<void> {
    await this.latchkey.stop();
    await this.samba.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function configuration(dir: string, dc: Controller, port: number): string {
  writeFileSync(join(dir, 'service.password'), dc.service_password, { mode: 0o600 });
  return JSON.stringify({
    listen: `127.0.0.1:${port}`,
    public_url: `http://localhost:${port}`,
    organisation: 'Example Corp', limit_factor: 100,
    data: join(dir, 'data'),
    support: { name: 'IT Service Desk', phone: '+49 30 5550 100', mail: 'servicedesk@corp.example.test', hours: 'Mon–Fri 7:00–19:00' },
    directory: {
      controllers: [dc.ldaps_url], ca_file: dc.ca_file,
      read: { bind: dc.service_bind, password_file: join(dir, 'service.password') },
    },
    enrolment: { password: true },
    passwords: { strength: 2, banned: ['latchkey'] },
    policies: [{
      name: 'staff', who: { everyone: true },
      unlock: { prove: ['passkey'] }, reset: { prove: ['passkey'] }, change: { prove: ['passkey'] }, 'one-time': { prove: ['passkey'] },
    }],
  }, null, 2); // JSON is YAML
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const a = s.address();
      s.close(() => { if (a !== null && typeof a === 'object') resolve(a.port); else reject(new Error('no port')); });
    });
  });
}
