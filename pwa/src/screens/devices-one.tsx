// One device: what is known of it, a test of the way to it, and its end.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Device } from '../api-types';
import { t } from '../i18n';
import { useAct, type Act } from '../lib/act';
import { post } from '../lib/api';
import { browserName } from '../lib/browser';
import { ago, date, momentToday } from '../lib/format';
import { pushed } from '../lib/worker';
import { Trouble } from '../ui/help';
import { Banner, Button, Fact, Sheet, Time } from '../ui/kit';

const pathOf = (d: Device, what: string) => `/api/devices/${encodeURIComponent(d.id)}/${what}`;

export const nameOf = (d: Device) => browserName(d.device);

/** This long after it was sent, a message to this very device is late. */
const LATE_MS = 15_000;

export interface Trial {
  act: Act;
  /** What is known: of another device no more than that it was sent. */
  stage: 'none' | 'sent' | 'other' | 'arrived' | 'late';
  send: () => Promise<void>;
}

/** A test message, and whether it came when it was for this device. */
export function useTest(device: Device, here: boolean, settled?: () => Promise<void>): Trial {
  const act = useAct();
  const last = pushed.use();
  const from = useRef(0);
  const [sent, setSent] = useState(false);
  const [late, setLate] = useState(false);
  const arrived = sent && last.kind === 'test' && last.at >= from.current;
  useEffect(() => {
    if (!sent) return;
    const timer = setTimeout(() => setLate(true), LATE_MS);
    return () => clearTimeout(timer);
  }, [sent]);
  const send = () => {
    setSent(false);
    setLate(false);
    from.current = Date.now();
    return act.run(async () => {
      try {
        await post(pathOf(device, 'test'));
        setSent(true);
      } finally {
        await settled?.();
      }
    });
  };
  const stage = !sent ? 'none' : !here ? 'other' : arrived ? 'arrived' : late ? 'late' : 'sent';
  return { act, stage, send };
}

const tones = { sent: 'info', other: 'info', arrived: 'good', late: 'wait' } as const;

export function Test({ test: { act, stage, send } }: { test: Trial }) {
  return (
    <>
      {stage !== 'none' && (
        <Banner tone={tones[stage]} title={t(`devs.test.${stage}`)}>
          <p>{t(`devs.test.${stage}.sub`)}</p>
        </Banner>
      )}
      <Trouble problem={act.problem} quiet />
      <Button weight="second" icon="bell" busy={act.busy} doing={t('devs.test.doing')} onClick={() => void send()}>
        {t('devs.test')}
      </Button>
    </>
  );
}

interface OneProps {
  device: Device;
  onClose: () => void;
  onRemoved: () => void;
}

export function OneDevice({ device: d, onClose, onRemoved }: OneProps) {
  const [asking, setAsking] = useState(false);
  const test = useTest(d, false);
  if (asking) return <Remove device={d} onKeep={() => setAsking(false)} onRemoved={onRemoved} />;
  return (
    <Sheet title={nameOf(d)} onClose={onClose}>
      <dl class="facts">
        <Fact name={t('devs.added')}>
          <Time at={d.created} text={date(d.created)} />
        </Fact>
        <Fact name={t('devs.opened')}>
          <Time at={d.renewed} text={ago(d.renewed)} />
        </Fact>
        <Fact name={t('devs.message')}>{d.reached ? <Time at={d.reached} text={momentToday(d.reached)} /> : t('devs.message.none')}</Fact>
      </dl>
      {d.failed ? (
        <Banner tone="wait" icon="stop" title={t('devs.failed')} quiet>
          <p>{t('devs.failed.sub')}</p>
        </Banner>
      ) : (
        d.reached && <p class="hint">{t('devs.message.note')}</p>
      )}
      <Test test={test} />
      <div class="pair">
        <Button weight="danger" onClick={() => setAsking(true)}>
          {t('devs.remove')}
        </Button>
        <Button weight="second" onClick={onClose}>
          {t('devs.close')}
        </Button>
      </div>
    </Sheet>
  );
}

function Remove({ device: d, onKeep, onRemoved }: { device: Device; onKeep: () => void; onRemoved: () => void }) {
  const act = useAct();
  const remove = () =>
    act.run(async () => {
      await post(pathOf(d, 'remove'));
      onRemoved();
    });
  return (
    <Sheet title={t('devs.remove.title', { device: nameOf(d) })} onClose={onKeep} key="remove">
      <p>{t('devs.remove.sub')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="pair">
        <Button weight="danger" busy={act.busy} onClick={() => void remove()}>
          {t('devs.remove')}
        </Button>
        <Button weight="second" onClick={onKeep}>
          {t('devs.remove.keep')}
        </Button>
      </div>
    </Sheet>
  );
}
