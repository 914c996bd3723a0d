import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Marionette } from './marionette.ts';
import type { Stand } from './stand.ts';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'; // WebDriver's name of an element's reference
type Element = Record<typeof ELEMENT, string>;

/** A role and the accessible name's text. */
type What = ['button' | 'heading' | 'text' | 'field', string | RegExp];

/**
 * A stock Firefox with a fresh profile: its push connection ends at the stand-in
 * push service, its notifications at the stand-in desktop, and its authenticator is
 * a virtual one with user verification. It counts what a person would have done.
 */
export class Firefox {
  /** Taps on pages so far. */
  taps = 0;
  private authenticator = '';

  private constructor(private readonly child: ChildProcess, readonly m: Marionette, private readonly dir: string) {}

  static async start(stand: Stand): Promise<Firefox> {
    const dir = mkdtempSync(join(tmpdir(), 'latchkey-ff-'));
    const profile = join(dir, 'profile');
    mkdirSync(profile);
    writeFileSync(join(profile, 'user.js'), Object.entries(preferences(stand)).map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${JSON.stringify(v)});\n`).join(''));
    const child = spawn(process.env.FIREFOX ?? 'firefox-esr', ['--headless', '--marionette', '--no-remote', '--profile', profile, '--width=412', '--height=915'], {
      env: { ...process.env, HOME: dir, DBUS_SESSION_BUS_ADDRESS: stand.bus, MOZ_HEADLESS_WIDTH: '412', MOZ_HEADLESS_HEIGHT: '915' },
      stdio: 'ignore',
    });
    const firefox = new Firefox(child, await reach(child, join(profile, 'MarionetteActivePort')), dir);
    await firefox.begin();
    return firefox;
  }

  private async begin(): Promise<void> {
    await this.m.send('WebDriver:NewSession', { capabilities: {} });
    await this.m.send('WebDriver:SetTimeouts', { script: 30_000, pageLoad: 30_000 });
    this.authenticator = await this.m.send<string>('WebAuthn:AddVirtualAuthenticator', {
      protocol: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserConsenting: true, isUserVerified: true,
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => { this.child.once('exit', () => { resolve(); }); });
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.m.send('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => undefined);
      const late = setTimeout(() => { this.child.kill('SIGKILL'); }, 5_000);
      await ended;
      clearTimeout(late);
    }
    this.m.close();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  goto(url: string): Promise<unknown> { return this.m.send('WebDriver:Navigate', { url }); }
  url(): Promise<string> { return this.m.send<string>('WebDriver:GetCurrentURL'); }
  reload(): Promise<unknown> { return this.m.send('WebDriver:Refresh'); }
  windows(): Promise<string[]> { return this.m.send<string[]>('WebDriver:GetWindowHandles'); }
  switchTo(handle: string): Promise<unknown> { return this.m.send('WebDriver:SwitchToWindow', { handle }); }
  forgetCookies(): Promise<unknown> { return this.m.send('WebDriver:DeleteAllCookies'); }

  /** Runs the body of an async function in the page; `args` are its arguments. */
  run<T>(body: string, ...args: unknown[]): Promise<T> {
    return this.m.send<T>('WebDriver:ExecuteScript', { script: `return (async (args) => { ${body} })(Array.from(arguments));`, args, sandbox: null });
  }

  async picture(file: string): Promise<void> {
    writeFileSync(file, Buffer.from(await this.m.send<string>('WebDriver:TakeScreenshot', { full: false }), 'base64'));
  }

  removePasskeys(): Promise<unknown> { return this.m.send('WebAuthn:RemoveAllCredentials', { authenticatorId: this.authenticator }); }

  async tap(...what: What): Promise<void> {
    const e = await this.sees(...what);
    this.taps++;
    await this.m.send('WebDriver:ElementClick', { id: e[ELEMENT] });
  }

  async fill(label: string, value: string): Promise<void> {
    const e = await this.sees('field', label);
    await this.m.send('WebDriver:ElementClear', { id: e[ELEMENT] });
    await this.m.send('WebDriver:ElementSendKeys', { id: e[ELEMENT], text: value });
  }

  /** Waits until the page shows it, enabled. */
  async sees(role: What[0], name: string | RegExp): Promise<Element> {
    const [source, flags] = typeof name === 'string' ? [escape(name), ''] : [name.source, name.flags];
    return this.until(`${role} ${String(name)}`, () => this.m.send<Element | null>('WebDriver:ExecuteScript', { script: find, args: [role, source, flags], sandbox: null }));
  }

  /** Waits until fn's answer is something. */
  async until<T>(what: string, fn: () => Promise<T | null | undefined | false>, seconds = 20): Promise<T> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const got = await fn().catch((e: unknown) => { if (/no such|stale|unload|discarded|evalInSandbox/.test(String(e))) return null; throw e; });
      if (got) return got;
      if (Date.now() > end) throw new Error(`Firefox does not show ${what} at ${await this.url()}:\n${await this.run<string>('return document.body.innerText')}`);
      await new Promise((r) => setTimeout(r, 50)); // a page has no event for everything: looked at as Playwright does
    }
  }
}

const escape = (s: string) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** In the page: the first visible element with this role whose name matches. */
const find = `
  const [role, source, flags] = arguments;
  const match = new RegExp(source, flags);
  const which = { button: 'button,a[href],summary', heading: 'h1,h2,h3', field: 'input,textarea,select', text: 'p,li,dd,dt,span,strong,h1,h2,h3,div,output,label' }[role];
  const name = (e) => (e.getAttribute('aria-label') || (role === 'field' ? [...(e.labels || [])].map((l) => l.textContent).join(' ') : e.textContent) || '').replace(/\\s+/g, ' ').trim();
  const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden' && !e.disabled && e.getAttribute('aria-disabled') !== 'true';
  return [...document.querySelectorAll(which)].find((e) => shown(e) && match.test(name(e))) ?? null;`;

function preferences(stand: Stand): Record<string, string | number | boolean> {
  return {
    'marionette.port': 0, // any that is free
    'dom.push.serverURL': stand.pushSocket, 'dom.push.testing.allowInsecureServerURL': true, 'dom.push.connection.enabled': true, 'dom.push.retryBaseInterval': 300,
    'permissions.default.desktop-notification': 1, 'alerts.useSystemBackend': true,
    'security.webauth.webauthn_enable_softtoken': true, 'security.webauth.webauthn_enable_usbtoken': false,
    'intl.accept_languages': 'en-GB, en', 'intl.locale.requested': 'en-GB',
    'browser.shell.checkDefaultBrowser': false, 'browser.startup.page': 0, 'browser.startup.homepage': 'about:blank', 'startup.homepage_welcome_url': '',
    'browser.startup.homepage_override.mstone': 'ignore', 'browser.aboutwelcome.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false,
    'toolkit.telemetry.unified': false, 'app.update.enabled': false, 'app.normandy.enabled': false, 'browser.safebrowsing.update.enabled': false,
    'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, 'services.settings.server': 'data:,#remote-settings-dummy/v1',
    'extensions.update.enabled': false, 'extensions.getAddons.cache.enabled': false, 'browser.region.network.url': '', 'browser.newtabpage.enabled': false,
    'signon.rememberSignons': false, 'geo.enabled': false,
  };
}

/** Connects once Firefox listens, and has said in the file on which port. */
async function reach(child: ChildProcess, file: string): Promise<Marionette> {
  let failed: Error | undefined;
  child.once('error', (e) => { failed = e; });
  for (let i = 0; i < 600; i++) {
    if (failed) throw failed;
    if (child.exitCode !== null) throw new Error(`Firefox ended with ${child.exitCode}`);
    try {
      return await Marionette.connect(Number(readFileSync(file, 'utf8')));
    } catch {
      await new Promise((r) => setTimeout(r, 50)); // another process, which says nowhere that it listens
    }
  }
  throw new Error('Firefox did not start');
}
