import { mkdirSync } from 'node:fs';
import { test as base, expect } from './lib/fixtures.ts';
import type { Person } from './lib/directory.ts';
import { Firefox } from './lib/firefox.ts';
import { departments, type Stack } from './lib/stack.ts';
import type { Shown } from './lib/stand.ts';

// The journey through real parts only: Firefox subscribes, the push is encrypted
// for it, the desktop shows it, a tap opens the request, a passkey approves it, the
// requester goes on in Chromium, and the directory takes the new password.

const fresh = 'Harbour-Lantern-47-quiet';
const pictures = new URL('./out/firefox/', import.meta.url).pathname;
mkdirSync(pictures, { recursive: true });

let counter = 0;

interface Fixtures { manager: Person; requester: Person; firefox: Firefox }

const test = base.extend<Fixtures>({
  manager: async ({ stack }, use) => {
    const manager = stack.directory.add(`sam.okafor${++counter}`, { given: 'Sam', surname: 'Okafor' });
    await use(manager);
    stack.directory.remove(manager);
  },
  requester: async ({ stack, manager }, use) => {
    const requester = stack.directory.add(`noor.haddad${++counter}`, { given: 'Noor', surname: 'Haddad', department: departments.byManager, manager });
    await use(requester);
    stack.directory.remove(requester);
  },
  firefox: async ({ stack, manager }, use) => {
    const firefox = await Firefox.start(stack.stand);
    await enrol(firefox, stack, manager);
    await use(firefox);
    await firefox.stop();
  },
});

/** The manager's enrolment, notifications included, up to another site. */
async function enrol(firefox: Firefox, stack: Stack, manager: Person): Promise<void> {
  await firefox.goto(stack.invite(manager));
  await firefox.tap('button', 'Set up on this computer instead');
  await firefox.fill('The password you use at work', manager.password);
  await firefox.tap('button', 'Check my password');
  await firefox.tap('button', 'Make my passkey');
  await firefox.tap('button', 'Try it once');
  await firefox.tap('button', 'Turn on notifications');
  await firefox.sees('heading', /You are ready/);
  await firefox.goto('about:blank');
}

/** The notification that asks for approval, shown after the first `seen`. */
async function asked(stack: Stack, seen: number): Promise<Shown> {
  for (;;) {
    const all = await stack.stand.shown(seen);
    const found = all.slice(seen).findLast((n) => n.actions.some((a) => a.label === 'Deny'));
    if (found) return found;
    seen = all.length;
  }
}

/** What the tap on a notification opens, in front. One that the browser has shown anew since is tapped in its place. */
async function follow(firefox: Firefox, stack: Stack, n: Shown, label = ''): Promise<void> {
  const before = await firefox.windows();
  const now = (await stack.stand.shown()).findLast((s) => !s.closed && s.summary === n.summary && s.body === n.body) ?? n;
  await stack.stand.tap(now, label);
  await firefox.switchTo(await firefox.until('a new window', async () => (await firefox.windows()).find((w) => !before.includes(w))));
}

test('a manager approves on a tap, a tap and a touch, and the requester sets the password', async ({ stack, phone, manager, requester, firefox }) => {
  const { stand } = stack;
  await phone.enrol(requester, stack.invite(requester));
  await phone.page.getByRole('button', { name: 'To my account' }).click();
  const seen = (await stand.shown()).length;
  const id = await phone.askForReset();

  const waits = await asked(stack, seen);
  expect(`${waits.summary} ${waits.body}`).not.toMatch(/Noor|Haddad|noor/);
  const [taps, touches] = [firefox.taps, stack.touches(manager)];
  await follow(firefox, stack, waits);
  await firefox.sees('heading', /Noor Haddad asks to set a new password/);
  await firefox.picture(`${pictures}review.png`);
  await firefox.tap('button', 'Approve with my passkey');
  await firefox.sees('heading', 'You approved this');
  expect({ taps: 1 + firefox.taps - taps, touches: stack.touches(manager) - touches }, 'from the notification to approved').toEqual({ taps: 2, touches: 1 });

  await phone.page.getByLabel('New password').fill(fresh); // the page went on by itself
  await phone.page.getByRole('button', { name: 'Set new password' }).click();
  await expect(phone.page.getByRole('heading', { name: 'Your new password is set' })).toBeVisible();
  expect(stack.directory.bind(requester, fresh)).toEqual({ ok: true, code: '' });
  expect(stack.directory.bind(requester, requester.password)).toEqual({ ok: false, code: '52e' });
  const actions = stack.actions(id);
  expect(actions.filter((a) => a === 'review.approved')).toHaveLength(1);
  expect(actions.filter((a) => a === 'execution.done')).toHaveLength(1);
});

test('after a lapsed session the tap leads to the same request, for one more touch', async ({ stack, phone, manager, requester, firefox }) => {
  const { stand } = stack;
  await firefox.goto(stack.url);
  await firefox.forgetCookies();
  await firefox.goto('about:blank');
  await phone.enrol(requester, stack.invite(requester));
  await phone.page.getByRole('button', { name: 'To my account' }).click();
  const seen = (await stand.shown()).length;
  const id = await phone.askForReset();

  const waits = await asked(stack, seen);
  const touches = stack.touches(manager);
  await follow(firefox, stack, waits);
  await firefox.tap('button', /Sign in with my passkey|Unlock with my passkey/);
  await firefox.sees('heading', /Noor Haddad asks to set a new password/);
  expect(new URL(await firefox.url()).pathname).toBe(`/review/${id}`);
  await firefox.tap('button', 'Approve with my passkey');
  await firefox.sees('heading', 'You approved this');
  expect(stack.touches(manager) - touches).toBe(2);
  await expect(phone.page.getByLabel('New password')).toBeVisible();
});

test('“Deny” in the notification opens the request with the reasons, and decides nothing', async ({ stack, phone, requester, firefox }) => {
  const { stand } = stack;
  await phone.enrol(requester, stack.invite(requester));
  await phone.page.getByRole('button', { name: 'To my account' }).click();
  const seen = (await stand.shown()).length;
  const id = await phone.askForReset();

  const waits = await asked(stack, seen);
  await follow(firefox, stack, waits, 'Deny');
  await firefox.sees('heading', 'Why not?');
  expect(stack.actions(id)).not.toContain('review.denied');
  await firefox.tap('button', 'Not sure who it is');
  await firefox.tap('button', 'Deny this request');
  await firefox.sees('heading', 'You said no');
  await expect(phone.page.getByRole('heading', { name: /said no|turned down/ })).toBeVisible();
  expect(stack.actions(id)).toContain('review.denied');
});
