// The way from a message to "this wasn't me": a notification leads to the page that it
// is about, with the secret behind the #. It is kept in memory only, and not in the
// address, which others may see over a shoulder or in the history.
import { store } from './sync';

/** Where "this wasn't me" leads; '' where no message led here. */
export const stopLink = store('');

/** True once the account was stopped from its own page. */
export const stopped = store(false);

/** Takes the secret from the address. */
export function readStop(): void {
  const secret = /^#stop=([\w-]+)$/.exec(location.hash)?.[1];
  if (!secret) return;
  history.replaceState(history.state, '', location.pathname + location.search);
  stopLink.set(`/freeze#${secret}`);
}
