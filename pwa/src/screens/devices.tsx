// Notifications: this device first, with its state and what to do about it, then the
// others, and mail.
import { useEffect, useState } from 'preact/hooks';
import type { Device, Devices } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { readOwn, renewPush, switchOff, switchOn, type PushState } from '../lib/push';
import { deviceSign } from '../lib/browser';
import { ago } from '../lib/format';
import { useResource, type Resource } from '../lib/resource';
import { session } from '../lib/session';
import { Trouble } from '../ui/help';
import { Icon } from '../ui/icons';
import { Banner, Button, Row, Rows, Screen, Sheet, Skeleton } from '../ui/kit';
import { OneDevice, nameOf, Test, useTest } from './devices-one';
import { usePush } from './notify-offer';
import { AllowAgain, HomeScreen, wordsOf } from './notify-state';

const PATH = '/api/devices';

export function DevicesScreen() {
  const list = useResource<Devices>(PATH);
  const { data, problem, reload } = list;
  const state = usePush();
  const own = state === 'on' ? data?.devices.find((d) => d.id === readOwn()?.id) : undefined;
  useRemoved(list, state, own);
  return (
    <Screen title={t('devs.title')} up="/account">
      <p class="lead">{t('devs.lead')}</p>
      {state === 'unknown' ? <Skeleton /> : <Here state={state} own={own} reload={reload} />}
      <Trouble problem={problem} quiet>
        <Button weight="second" onClick={() => void reload()}>
          {t('app.again')}
        </Button>
      </Trouble>
      {!data && !problem && <Skeleton shape="list" />}
      {data && <Others list={data} own={own} reload={reload} />}
    </Screen>
  );
}

/** A list that is just being read anew may not have it yet. */
const SETTLE_MS = 1500;

/** The server has dropped this device meanwhile, or never took it: settled at once. */
function useRemoved({ data, loading, reload }: Resource<Devices>, state: PushState, own: Device | undefined): void {
  const { me } = session.use();
  const gone = state === 'on' && data !== null && !loading && !own;
  useEffect(() => {
    if (!gone || !me) return;
    const timer = setTimeout(() => void renewPush(me, true).then(reload, () => undefined), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [gone]);
}

interface HereProps {
  state: PushState;
  own: Device | undefined;
  reload: () => Promise<void>;
}

function Here({ state, own, reload }: HereProps) {
  const w = wordsOf(state);
  const act = useAct();
  const { me } = session.use();
  const start = () =>
    act.run(async () => {
      if (me) await switchOn(me).finally(reload);
    });
  if (!w) return null;
  return (
    <section class={`status ${w.tone}`} aria-label={t('dev.other')}>
      <div class="status-top">
        <div class="sign">
          <Icon name={w.icon} />
        </div>
        <p class="status-who">{own ? `${t('dev.other')}: ${nameOf(own)}` : t('dev.other')}</p>
      </div>
      <h2 class="status-title">{t(w.title)}</h2>
      <p>{t(w.sub, { host: location.host })}</p>
      {state === 'denied' && <AllowAgain />}
      {state === 'home-screen' && <HomeScreen />}
      {state !== 'denied' && <Trouble problem={act.problem} quiet />}
      {(state === 'ask' || state === 'off') && (
        <Button icon="bell" busy={act.busy} doing={t('push.doing')} slow={t('push.waits')} onClick={() => void start()}>
          {t('push.go')}
        </Button>
      )}
      {state === 'on' && own && <On own={own} reload={reload} />}
    </section>
  );
}

function On({ own, reload }: { own: Device; reload: () => Promise<void> }) {
  const test = useTest(own, true, reload);
  const act = useAct();
  const [asking, setAsking] = useState(false);
  const end = () =>
    act.run(async () => {
      await switchOff(own.id);
      await reload();
    });
  return (
    <>
      <Test test={test} />
      <Button weight="quiet" onClick={() => setAsking(true)}>
        {t('devs.end')}
      </Button>
      {asking && (
        <Sheet title={t('devs.end.title')} onClose={() => setAsking(false)}>
          <p>{t('devs.end.sub')}</p>
          <Trouble problem={act.problem} quiet />
          <div class="pair">
            <Button weight="danger" busy={act.busy} onClick={() => void end()}>
              {t('devs.end')}
            </Button>
            <Button weight="second" onClick={() => setAsking(false)}>
              {t('devs.end.keep')}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}

const bySeen = (a: Device, b: Device) => b.renewed.localeCompare(a.renewed);

function Others({ list, own, reload }: { list: Devices; own: Device | undefined; reload: () => Promise<void> }) {
  const [open, setOpen] = useState<Device | null>(null);
  const [note, setNote] = useState('');
  const others = list.devices.filter((d) => d !== own).sort(bySeen);
  const done = (said: string) => {
    setOpen(null);
    setNote(said);
    void reload();
  };
  return (
    <>
      {note && (
        <Banner tone="good">
          <p>{note}</p>
        </Banner>
      )}
      {others.length > 0 ? (
        <Rows title={t('devs.others')}>
          {others.map((d) => (
            <Row key={d.id} icon={deviceSign(d.device)} tone={d.failed ? 'wait' : undefined} title={nameOf(d)} sub={subOf(d)} onClick={() => setOpen(d)} />
          ))}
        </Rows>
      ) : (
        <p class="hint">{t(own ? 'devs.none' : list.mail ? 'devs.none.mail' : 'devs.none.yet')}</p>
      )}
      {list.mail && (
        <ul class="rows">
          <Row icon="mail" title={t('devs.mail', { mail: joined(list.mail) })} sub={t('devs.mail.sub')} />
        </ul>
      )}
      {open && <OneDevice device={open} onClose={() => done('')} onRemoved={() => done(t('devs.removed', { device: nameOf(open) }))} />}
    </>
  );
}

/** A masked address in one piece: with word joiners, since a line may break at its dots. */
const joined = (mail: string) => [...mail].join('\u2060');

function subOf(d: Device): string {
  if (d.failed) return t('devs.failed');
  return d.reached ? t('devs.reached', { when: ago(d.reached) }) : t('devs.never');
}

