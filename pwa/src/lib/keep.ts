// The few things this browser keeps: language, whether somebody is signed in (not
// who: the start of an opaque handle), the id of its subscription, and the
// organisation's public texts. Storage may be switched off.
const name = (key: string) => `latchkey.${key}`;

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(name(key));
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(name(key), value);
  } catch {
    // Private mode: it holds until the page closes.
  }
}

export function drop(key: string): void {
  try {
    localStorage.removeItem(name(key));
  } catch {
    // Nothing was kept.
  }
}
