// Asking for something, and who was asked to agree.
import type { AskedList, Kind, Request } from '../../api-types';
import { post } from '../../lib/api';
import { put, useResource } from '../../lib/resource';
import { go } from '../../lib/router';
import { session } from '../../lib/session';

const open: Request['state'][] = ['draft', 'pending', 'approved', 'executing', 'unknown'];

/** Whether somebody else agrees first. */
export const needsApproval = (kind: Kind) => session.get().me?.options.some((o) => o.kind === kind && o.approval) ?? false;

/** Goes to what is under way of this kind, to the reason where one is asked for, or straight on. */
export async function askFor(kind: Kind, how: { replace?: boolean } = {}): Promise<void> {
  if (needsApproval(kind)) {
    const under = session.get().me?.requests.find((r) => r.kind === kind && open.includes(r.state) && !isStrange(r)); // what somebody asks for with a proof takes its place
    return go(under && !how.replace ? `/request/${under.id}` : `/ask/${kind}`, how);
  }
  await submit(kind, '', how);
}

export async function submit(kind: Kind, reason: string, how: { replace?: boolean } = {}): Promise<void> {
  const r = await post<Request>('/api/requests', reason ? { kind, reason } : { kind });
  put(`/api/requests/${r.id}`, r);
  go(`/request/${r.id}`, how);
}

export const useAsked = (id: string) => useResource<AskedList>(`/api/requests/${encodeURIComponent(id)}/asked`).data;

/** The approver's name where only one was asked; "" otherwise. */
export const soleName = (list: AskedList | null) => (list?.count === 1 ? (list.asked[0]?.displayName ?? '') : '');

/** Whether a request was asked for without a passkey, and perhaps by somebody else: it goes on where it was asked for. */
export const isStrange = (r: Request) =>
  r.vouched && (r.state === 'draft' || r.state === 'pending' || r.state === 'approved') && !session.get().me?.session.recovered;
