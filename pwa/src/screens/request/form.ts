// Which request a page shows while it is executed.
import type { Request } from '../../api-types';

/** A password is typed there, or made there and shown once. */
const hasForm = (r: Request) =>
  r.needs.length === 0 && r.kind !== 'unlock' && (r.state === 'approved' || (r.kind === 'one-time' && r.state === 'done' && r.unseen));

/** The request to show. A form stays until its own answer is there: the page often hears
 *  sooner that the directory is being written, and what was typed, or the one-time
 *  password, is nowhere else. */
export const onScreen = (now: Request, before: Request | null): Request =>
  now.state === 'executing' && before?.id === now.id && hasForm(before) ? before : now;
