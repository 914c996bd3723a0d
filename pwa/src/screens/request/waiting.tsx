// Waiting: who was asked, until when, the number to tell them, and what to do meanwhile.
import { useState } from 'preact/hooks';
import type { AskedList, Request, Reviewing } from '../../api-types';
import { t, tn } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { ago, clock, moment } from '../../lib/format';
import { useNow } from '../../lib/now';
import { refresh } from '../../lib/session';
import { Face, photo } from '../../ui/face';
import { Trouble } from '../../ui/help';
import { Banner, Button, Screen, Sheet, Time } from '../../ui/kit';
import { NotificationsOffer, usePush } from '../notify-offer';
import { soleName, useAsked } from './asked';
import { Digits, Remaining } from './digits';

export interface WaitingProps {
  request: Request;
  review: Reviewing;
  /** The last reading failed: what is shown may be old. */
  stale: boolean;
  onRequest: (r: Request) => void;
}

export function Waiting({ request, review, stale, onRequest }: WaitingProps) {
  const now = useNow();
  const asked = useAsked(request.id);
  const told = usePush() === 'on';
  const who = soleName(asked) || asked?.group || '';
  return (
    <Screen title={who ? t('w.title', { name: who }) : t('w.title.anon')} up="/account" kind="plain waiting">
      {stale && (
        <Banner tone="wait" icon="offline">
          <p>{t('w.stale')}</p>
        </Banner>
      )}
      <Who id={request.id} asked={asked} since={review.since} now={now} />
      {asked && !asked.reachable && (
        <Banner tone="wait" icon="stop">
          <p>{who ? t('w.unreached', { name: who }) : t('w.unreached.anon')}</p>
        </Banner>
      )}
      {review.number && <Number review={review} name={soleName(asked)} />}
      <Remaining since={review.since} deadline={request.deadline} now={now} />
      <p class="hint">{t(told ? 'w.close.told' : 'w.close')}</p>
      <Happened request={request} review={review} asked={asked} />
      <Acts request={request} review={review} now={now} onRequest={onRequest} />
      <NotificationsOffer />
    </Screen>
  );
}

function Who({ id, asked, since, now }: { id: string; asked: AskedList | null; since: string; now: number }) {
  if (!asked) return <div class="bone" aria-hidden="true" />;
  const { asked: people, count, group } = asked;
  const one = people[0];
  return (
    <div class="who">
      <span class="faces">
        {people.slice(0, 3).map((p) => (
          <Face key={p.account} name={p.displayName} src={photo(id, p.account, p.photo)} size={count === 1 ? 'large' : 'small'} />
        ))}
      </span>
      <div>
        <p class="row-title">{count === 1 && one ? one.displayName : group || t('w.title.anon')}</p>
        <p class="row-sub">{count === 1 ? one?.department : tn('w.group', count)}</p>
        <p class="row-sub">
          <Time at={since} text={t('w.asked', { when: ago(since, new Date(now)) })} />
        </p>
      </div>
    </div>
  );
}

function Number({ review, name }: { review: Reviewing; name: string }) {
  return (
    <Digits number={review.number}>
      <p>{name ? t('w.number.sub', { name }) : t('w.number.sub.anon')}</p>
      <p class="digits-wrong" role="status">
        {review.wrongNumbers > 0 && tn('w.number.wrong', review.wrongNumbers)}
      </p>
    </Digits>
  );
}

/** What has happened, in order. */
function Happened({ request, review, asked }: { request: Request; review: Reviewing; asked: AskedList | null }) {
  const name = soleName(asked);
  const steps: [string, string][] = [
    [request.created, t('w.h.you')],
    [review.since, name ? t('w.h.sent', { name }) : asked ? tn('w.group', asked.count) : ''],
    [review.reminded, t('w.h.reminded')],
  ];
  return (
    <section class="group">
      <h2 class="group-title">{t('w.happened')}</h2>
      <ol class="line">
        {steps
          .filter(([at, text]) => at && text)
          .map(([at, text]) => (
            <li key={text}>
              <Time at={at} text={clock(at)} />
              <span>{text}</span>
            </li>
          ))}
      </ol>
    </section>
  );
}

function Acts({ request, review, now, onRequest }: { request: Request; review: Reviewing; now: number; onRequest: (r: Request) => void }) {
  const reminding = useAct();
  const ending = useAct();
  const [asking, setAsking] = useState(false);
  const path = `/api/requests/${encodeURIComponent(request.id)}`;
  const early = review.canRemind !== '' && Date.parse(review.canRemind) > now;
  const remind = () => reminding.run(async () => onRequest(await post<Request>(`${path}/remind`)));
  const cancel = () =>
    ending.run(async () => {
      onRequest(await post<Request>(`${path}/cancel`));
      void refresh();
    });
  return (
    <>
      <Trouble problem={reminding.problem} quiet />
      <div class="dock">
        <p class="note" role="status">
          {review.reminded ? t('w.reminded', { when: ago(review.reminded, new Date(now)) }) : early && t('w.remind.from', { time: moment(review.canRemind) })}
        </p>
        {!review.reminded && review.canRemind && !early && (
          <Button weight="second" icon="bell" busy={reminding.busy} onClick={() => void remind()}>
            {t('w.remind')}
          </Button>
        )}
        <Button weight="quiet" onClick={() => setAsking(true)}>
          {t('w.cancel')}
        </Button>
      </div>
      {asking && (
        <Sheet title={t('w.cancel.title')} onClose={() => setAsking(false)}>
          <p>{t('w.cancel.sub')}</p>
          <Trouble problem={ending.problem} quiet />
          <div class="pair">
            <Button weight="danger" busy={ending.busy} onClick={() => void cancel()}>
              {t('w.cancel')}
            </Button>
            <Button weight="second" onClick={() => setAsking(false)}>
              {t('w.cancel.keep')}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
