// The inbox: what waits for me, then what I decided. Without a network the worker
// gives what it kept; then nothing can be decided, and the age is said.
import type { ComponentChildren } from 'preact';
import { useCallback } from 'preact/hooks';
import type { Inbox, Review, ThawList } from '../api-types';
import { t } from '../i18n';
import { ago, moment, momentToday } from '../lib/format';
import { useLive } from '../lib/follow';
import { useNow } from '../lib/now';
import { useResource } from '../lib/resource';
import { refreshAgain } from '../lib/session';
import { Face, photo } from '../ui/face';
import { heading } from '../ui/help';
import { Icon } from '../ui/icons';
import { Banner, Rows, Screen, Skeleton } from '../ui/kit';
import { Lifts } from './lift';
import { over, proved, vouched } from './review/said';
import { left } from './review/words';
import { usePush } from './notify-offer';
import { NotificationsState } from './notify-state';
import { Failed } from './trouble';

const SOON_MS = 15 * 60_000;

export function InboxScreen() {
  const { data, problem, reload, reread } = useResource<Inbox & { kept?: string }>('/api/inbox');
  const frozen = useResource<ThawList>('/api/thaws');
  const rereadFrozen = frozen.reread;
  const again = useCallback(() => {
    reread();
    rereadFrozen();
    void refreshAgain(); // the number beside "Inbox"
  }, [reread, rereadFrozen]);
  useLive(null, again);
  const now = useNow();
  if (!data && problem) return <Failed problem={problem} retry={() => void reload()} />;
  const offline = data !== null && (data.kept !== undefined || problem?.code === 'network.offline');
  return (
    <Screen title={t('inbox.title')} up="/account" kind="inbox">
      {offline && (
        <Banner tone="wait" icon="offline" title={t('inbox.kept')}>
          <p>{t('inbox.kept.sub', { time: momentToday(data.readAt) })}</p>
        </Banner>
      )}
      {!offline && data && problem && (
        <Banner tone="wait" icon="offline">
          <p>{t('w.stale')}</p>
        </Banner>
      )}
      {!offline && <Lifts {...frozen} />}
      {!data && <Skeleton shape="list" />}
      {data && <Waits waiting={data.waiting} offline={offline} now={now} alone={offline || !frozen.data?.thaws.length} />}
      {data && <Past title={t('inbox.decided')} list={data.decided.filter((r) => r.mine)} offline={offline} />}
      {data && <Past title={t('inbox.over')} list={data.decided.filter((r) => !r.mine)} offline={offline} />}
    </Screen>
  );
}

/** alone: there is nothing else that waits. */
function Waits({ waiting, offline, now, alone }: { waiting: Review[]; offline: boolean; now: number; alone: boolean }) {
  if (waiting.length === 0) return alone ? <Empty /> : null;
  return (
    <Rows title={t('inbox.waiting')}>
      {waiting.map((r) => (
        <Entry key={r.id} review={r} offline={offline} sub={<Until review={r} now={now} />} when={ago(r.asked, new Date(now))} />
      ))}
    </Rows>
  );
}

function Empty() {
  const state = usePush();
  return (
    <div class="empty">
      <div class="sign good">
        <Icon name="check" />
      </div>
      <p class="lead">{t(state === 'on' ? 'inbox.empty.told' : 'inbox.empty')}</p>
      <NotificationsState state={state} />
    </div>
  );
}

function Past({ title, list, offline }: { title: string; list: Review[]; offline: boolean }) {
  if (list.length === 0) return null;
  return (
    <Rows title={title}>
      {list.map((r) => (
        <Entry key={r.id} review={r} offline={offline} sub={ended(r)} />
      ))}
    </Rows>
  );
}

const ended = (r: Review) => (r.mine ? `${t(`rv.row.${r.mine.verdict}`)}: ${momentToday(r.mine.at)}` : heading(over(r)[0]));

/** Until when; in the last quarter of an hour how long that is. */
function Until({ review, now }: { review: Review; now: number }) {
  const soon = Date.parse(review.deadline) - now < SOON_MS;
  return (
    <>
      {t('inbox.until', { time: moment(review.deadline) })}
      {soon && <strong class="soon"> · {left(review.deadline, now) ? t('w.left', { left: left(review.deadline, now) }) : t('w.left.none')}</strong>}
    </>
  );
}

/** That the reviewer's word is needed: whether anything was proved beside it. What the directory knows proves nothing. */
function word(r: Review): string {
  const beside = r.proofs.some((p) => p !== 'vouching' && p !== 'directory');
  return beside ? t('inbox.vouch.beside', { proofs: proved(r) }) : t('inbox.vouch');
}

function Entry({ review: r, offline, sub, when = '' }: { review: Review; offline: boolean; sub: ComponentChildren; when?: string }) {
  const inside = (
    <>
      <Face name={r.displayName} src={photo(r.id, r.account, r.photo && !offline)} size="small" />
      <span class="row-text">
        <span class="row-title">{r.displayName}</span>
        <span class="row-sub">{[t(`rv.kind.${r.kind}`), when].filter(Boolean).join(', ')}</span>
        <span class="row-sub">{sub}</span>
        {r.open && vouched(r) && <span class="row-sub soon">{word(r)}</span>}
      </span>
      {!offline && <Icon name="next" />}
    </>
  );
  return (
    <li>
      {offline ? (
        <div class="row">{inside}</div>
      ) : (
        <a class="row" href={`/review/${r.id}`}>
          {inside}
        </a>
      )}
    </li>
  );
}
