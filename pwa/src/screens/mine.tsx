// What Latchkey knows about me: my activity, and what is stored.
import { useState } from 'preact/hooks';
import type { Activity, Stored } from '../api-types';
import { has, t, tn, type Key } from '../i18n';
import { useAct } from '../lib/act';
import { post } from '../lib/api';
import { browserName, deviceSign } from '../lib/browser';
import { ago, clock, day, duration, exact, momentToday, number } from '../lib/format';
import { forgetPush } from '../lib/push';
import { forgetAll, useResource } from '../lib/resource';
import { go } from '../lib/router';
import { signedOut } from '../lib/session';
import { heading, Support, Trouble } from '../ui/help';
import type { IconName } from '../ui/icons';
import { Banner, Button, Row, Rows, Screen, Skeleton } from '../ui/kit';
import { Failed } from './trouble';

const toneOf: Record<string, string> = { ok: 'good', denied: 'stop', failed: 'stop', unknown: 'wait' };
const signOf: Record<string, IconName> = { ok: 'check', denied: 'stop', failed: 'stop', unknown: 'wait' };

export function ActivityScreen() {
  const { data, problem, reload } = useResource<{ events: Activity[] }>('/api/activity');
  if (!data && problem) return <Failed problem={problem} retry={() => void reload()} />;
  return (
    <Screen title={t('act.title')} up="/account">
      <p class="lead">{t('act.lead')}</p>
      {!data && <Skeleton shape="list" />}
      {data?.events.length === 0 && <p>{t('act.empty')}</p>}
      {data && data.events.length > 0 && <Days events={data.events} />}
      <Support />
    </Screen>
  );
}

/** Steps on the way to something else; shown when asked for. */
const steps = new Set(['execution.intended', 'request.proved', 'request.approved', 'session.stepped-up', 'proof.answered']);

function Days({ events }: { events: Activity[] }) {
  const [every, setEvery] = useState(false);
  const shown = events.filter((e) => every || e.outcome !== 'ok' || !steps.has(e.action));
  const days = [...new Set(shown.map((e) => day(e.time)))];
  return (
    <>
      {days.map((d) => (
        <Rows key={d} title={d}>
          {shown.filter((e) => day(e.time) === d).map((e, i) => (
            <Row key={`${e.time}${e.action}${i}`} icon={signOf[e.outcome] ?? 'info'} tone={toneOf[e.outcome]} title={action(e)} sub={<Line event={e} />} />
          ))}
        </Rows>
      ))}
      {shown.length < events.length && (
        <Button weight="second" onClick={() => setEvery(true)}>
          {t('act.every')}
        </Button>
      )}
    </>
  );
}

function action(e: Activity): string {
  const own = `a.${e.action}.${e.kind}`;
  if (has(own)) return t(own as Key);
  const key = `a.${e.action}`;
  return has(key) ? t(key as Key) : t('a.other', { action: e.action });
}

function Line({ event: e }: { event: Activity }) {
  const outcome = e.outcome !== 'ok' && has(`out.${e.outcome}`) ? t(`out.${e.outcome}` as Key) : '';
  const why = [`e.${e.reason}`, `end.chip.${e.reason}`].find(has); // what has no words is for the log
  const reason = why ? heading(t(why).split('\n')[0] ?? '') : '';
  return (
    <>
      <time dateTime={e.time} title={exact(e.time)}>
        {clock(e.time)}
      </time>
      {[outcome, reason, e.device && t('act.from', { device: browserName(e.device) })].filter(Boolean).map((part) => ` · ${part}`)}
    </>
  );
}

export function StoredScreen() {
  const { data, problem, reload } = useResource<Stored>('/api/stored');
  if (!data && problem) return <Failed problem={problem} retry={() => void reload()} />;
  return (
    <Screen title={t('stored.title')} up="/account">
      <p class="lead">{t('stored.lead')}</p>
      {!data && <Skeleton shape="list" />}
      {data && <Kept stored={data} />}
    </Screen>
  );
}

function Kept({ stored: s }: { stored: Stored }) {
  const keep = duration(s.retention);
  return (
    <>
      <Banner tone="good" title={t('stored.not')} quiet>
        <p>{t('stored.not.do')}</p>
      </Banner>
      <Rows>
        <Row icon="key" href="/passkeys" title={tn('stored.passkeys', s.passkeys.length)} sub={t('stored.passkeys.sub')} />
        {s.codes > 0 && <Row icon="once" href="/proofs" title={tn('stored.codes', s.codes)} sub={t('stored.codes.sub')} />}
        {s.app && <Row icon="phone" href="/proofs" title={t('stored.app')} sub={t('stored.app.sub')} />}
        {s.mail && <Row icon="mail" href="/proofs" title={t('stored.mail')} sub={t('stored.mail.sub')} />}
        {s.phone && <Row icon="chat" href="/proofs" title={t('stored.phone')} sub={t('stored.phone.sub')} />}
        {s.pin && <Row icon="pin" href="/proofs" title={t('stored.pin')} sub={t('stored.pin.sub')} />}
        {s.questions && <Row icon="help" href="/proofs" title={t('stored.questions')} sub={t('stored.questions.sub')} />}
        <Row icon="pen" title={tn('stored.requests', s.requests, { n: number(s.requests) })} sub={t('stored.requests.sub')} />
        <Row icon="bell" href="/devices" title={tn('stored.devices', s.devices, { n: number(s.devices) })} sub={t('stored.devices.sub')} />
        {s.browsers > 0 && <Row icon="laptop" title={tn('stored.browsers', s.browsers, { n: number(s.browsers) })} sub={t('stored.browsers.sub')} />}
        {s.reviews > 0 && <Row icon="inbox" href="/inbox" title={tn('stored.reviews', s.reviews, { n: number(s.reviews) })} sub={t('stored.reviews.sub')} />}
        {s.frozen && <Row icon="stop" title={t('stored.frozen')} sub={t('stored.frozen.sub')} />}
        <Row icon="list" href="/activity" title={tn('stored.events', s.events, { n: number(s.events) })} sub={t('stored.events.sub')} />
        <Row icon="user" title={t('stored.id')} sub={<StoredId id={s.objectGUID} />} />
      </Rows>
      <p class="hint">{keep ? t('stored.retention', { time: keep }) : t('stored.retention.none')}</p>
      <Rows title={t('stored.sessions')}>
        {s.sessions.map((one, i) => (
          <Row key={i} icon={deviceSign(one.device)} title={browserName(one.device)} sub={t('stored.session.since', { when: momentToday(one.signedIn), seen: ago(one.lastSeen) })} end={one.current && <span class="chip">{t('stored.session.here')}</span>} />
        ))}
      </Rows>
      <Forget />
    </>
  );
}

function StoredId({ id }: { id: string }) {
  return (
    <>
      {t('stored.id.sub')}
      <code>{id}</code>
    </>
  );
}

function Forget() {
  const act = useAct();
  const [done, setDone] = useState(false);
  const forget = () =>
    act.run(async () => {
      await forgetPush();
      await post('/api/forget');
      setDone(true);
      forgetAll();
      go('/', { replace: true });
      signedOut('forgot');
    });
  return (
    <section class="group">
      <Trouble problem={act.problem} />
      <Button weight="second" busy={act.busy || done} onClick={() => void forget()}>
        {t('nav.forget')}
      </Button>
      <p class="hint">{t('stored.forget.sub')}</p>
    </section>
  );
}
