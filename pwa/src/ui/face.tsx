// Somebody's picture, or their initials where there is none.
import { useState } from 'preact/hooks';

/** The first letters of the first and the last word. */
export function initials(name: string): string {
  const words = name.split(/[\s,]+/).filter((w) => /^\p{L}/u.test(w));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((w) => [...(w ?? '')][0] ?? '').join('').toLocaleUpperCase();
}

interface Props {
  name: string;
  /** The picture's address; "" for none. */
  src: string;
  size?: 'small' | 'large';
}

/** The name always stands beside it, so it says nothing itself. */
export function Face({ name, src, size = 'large' }: Props) {
  const [broken, setBroken] = useState('');
  const seen = src && broken !== src;
  return (
    <span class={`face ${size}`} aria-hidden="true">
      {seen ? <img src={src} alt="" decoding="async" onError={() => setBroken(src)} /> : initials(name)}
    </span>
  );
}

/** The address of a photo that a request's participants may see. */
export const photo = (request: string, account: string, there: boolean) =>
  there ? `/api/requests/${encodeURIComponent(request)}/photo/${encodeURIComponent(account)}` : '';
