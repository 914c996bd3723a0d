// Done: what happened, what to expect, and a watch over an unlocked account.
import { useEffect, useState } from 'preact/hooks';
import type { Request } from '../../api-types';
import { t, tn, type Key } from '../../i18n';
import { useAct } from '../../lib/act';
import { clock } from '../../lib/format';
import { go } from '../../lib/router';
import { info, refresh } from '../../lib/session';
import { Trouble } from '../../ui/help';
import { Point } from '../../ui/form';
import { Door } from '../../ui/icons';
import { Banner, Button, Screen } from '../../ui/kit';
import { TryIt } from '../tryit';
import { askFor } from './asked';

/** How often a watched account is read, while the page is seen. */
const WATCH_MS = 15_000;

export interface DoneProps {
  request: Request;
  reload: () => Promise<void>;
}

export function Done({ request, reload }: DoneProps) {
  const { kind, unlocked, relocked } = request;
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setOpen(true), 120);
    return () => clearTimeout(timer);
  }, []);
  const close = () => {
    void refresh();
    go('/account', { replace: true });
  };
  return (
    <Screen title={title(request)} kind="done" key={relocked ? 'relocked' : 'done'}>
      <div class={`sign huge ${relocked ? 'stop' : 'good'}`}>
        <Door open={open && !relocked} />
      </div>
      {relocked ? <Relocked request={request} /> : <p class="lead">{lead(kind, unlocked)}</p>}
      {kind === 'unlock' && !relocked && <Watch request={request} reload={reload} />}
      <Expect kind={kind} />
      <div class="dock">
        {kind === 'enrol' && <TryIt text={t('done.enrol.try')} />}
        <Button weight={relocked || kind === 'enrol' ? 'second' : 'primary'} onClick={close}>
          {t(relocked ? 'end.account' : 'done.close')}
        </Button>
      </div>
    </Screen>
  );
}

function title({ kind, unlocked, relocked }: Request): string {
  if (relocked) return t('done.relocked', { time: clock(relocked.at) });
  if (kind === 'unlock' && !unlocked) return t('done.unlock.not');
  return t(`done.${kind}`);
}

function lead(kind: Request['kind'], unlocked: boolean): string {
  if (kind === 'unlock') return t('done.unlock.lead');
  if (kind === 'one-time') return t('done.one-time.lead');
  if (kind === 'enrol') return t('done.enrol.lead');
  return t(unlocked ? 'done.password.unlocked' : 'done.password.lead');
}

/** Reads the request again every 15 seconds while it is watched and seen. */
function Watch({ request, reload }: { request: Request; reload: () => Promise<void> }) {
  const [looked, setLooked] = useState(() => new Date().toISOString());
  const over = !request.watchUntil || Date.parse(request.watchUntil) <= Date.now();
  useEffect(() => {
    if (over) return;
    const look = async () => {
      if (document.visibilityState !== 'visible') return;
      await reload();
      setLooked(new Date().toISOString());
    };
    const timer = setInterval(() => void look(), WATCH_MS);
    return () => clearInterval(timer);
  }, [over, reload]);
  if (!request.watchUntil) return null;
  const time = clock(request.watchUntil);
  return (
    <div class="watch">
      <span class={over ? 'pulse is-over' : 'pulse'} aria-hidden="true" />
      <div>
        <p class="row-title" role="status">{t(over ? 'done.watch.over' : 'done.watch', { time })}</p>
        <p class="row-sub">{over ? t('done.watch.over.sub', { time }) : t('done.watch.sub', { time: clock(looked) })}</p>
      </div>
    </div>
  );
}

/** Locked again: the likely cause, and what to do about it. */
function Relocked({ request }: { request: Request }) {
  const act = useAct();
  const { relocked } = request;
  if (!relocked) return null;
  const again = () =>
    act.run(() => askFor('unlock', { replace: true }));
  const cause = relocked.cause === 'device' ? 'device' : 'typing';
  return (
    <>
      <Banner tone="stop">
        <p>{tn(`done.relocked.${cause}`, relocked.badPasswords)}</p>
        <p>{t(`done.relocked.${cause}.do` as Key)}</p>
      </Banner>
      <Trouble problem={act.problem} />
      <Button icon="unlock" busy={act.busy} doing={t('wait.writing')} onClick={() => void again()}>
        {t('done.relocked.again')}
      </Button>
    </>
  );
}

/** What lets people in here and sits on a phone beside its passkey: a new one does not take it away. */
const onAPhone = () => info.get().recovery.some((way) => way.includes('totp') || way.includes('sms-code'));

function Expect({ kind }: { kind: Request['kind'] }) {
  if (kind === 'enrol')
    return (
      <section class="group">
        <h2 class="group-title">{t('done.next')}</h2>
        <ul class="notes">
          <Point icon="phone" title={t('done.enrol.lost')} text={t('done.enrol.lost.sub')} />
          {onAPhone() && <Point icon="pin" title={t('done.enrol.else')} text={t('done.enrol.else.sub', { proofs: t('nav.proofs') })} />}
          {info.get().recovery.some((way) => way.includes('recovery-code')) && <Point icon="once" title={t('done.enrol.codes')} text={t('done.enrol.codes.sub')} />}
        </ul>
      </section>
    );
  const which = kind === 'unlock' ? 'unlock' : 'password';
  return (
    <section class="group">
      <h2 class="group-title">{t('done.next')}</h2>
      <ul class="notes">
        <Point icon="phone" title={t('done.devices')} text={t(`done.devices.${which}`)} />
        <Point icon="laptop" title={t('done.laptop')} text={t(`done.laptop.${which}`)} />
        {which === 'password' && <Point icon="wait" title={t('done.old')} text={t('done.old.sub')} />}
      </ul>
    </section>
  );
}
