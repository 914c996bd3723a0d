// The PIN: typed twice, and judged before it is kept.
import { useState } from 'preact/hooks';
import type { Proofs } from '../../api-types';
import { t } from '../../i18n';
import { post } from '../../lib/api';
import { bare, bareDigits, PIN_MOST } from '../../lib/codes';
import { Button, Field, Screen } from '../../ui/kit';
import type { PartProps } from '../proofs';
import { HeldFacts, Removable, TouchForm, useTouch } from './parts';

export function Pin(props: PartProps) {
  const [changing, setChanging] = useState(false);
  const { held, offered, created, lastUsed } = props.proofs.pin;
  if (!held || changing) return <SetPin {...props} onUp={held ? () => setChanging(false) : () => props.onBack()} />;
  return (
    <Screen title={t('pin.title')} up={() => props.onBack()} key="held">
      <p class="lead">{t('pin.lead')}</p>
      <HeldFacts offered={offered} created={created} lastUsed={lastUsed} />
      {offered && (
        <Button weight="second" onClick={() => setChanging(true)}>
          {t('pin.change')}
        </Button>
      )}
      <Removable
        kind="pin"
        label={t('pin.remove')}
        title={t('pin.remove.title')}
        sub={t('pin.remove.sub')}
        onRemoved={(now) => {
          props.onProofs(now);
          props.onBack(t('pin.removed'));
        }}
      />
    </Screen>
  );
}

/** Why it can't be set yet; '' when it can. */
export function pinLacks(pin: string, again: string, least: number): string {
  const digits = bare('pin', pin);
  if (!digits) return t('pin.why.none');
  if (digits !== bareDigits(pin)) return t('pin.why.digits');
  if (digits.length < least) return t('pin.why.short', { n: least });
  if (digits.length > PIN_MOST) return t('pin.why.long', { n: PIN_MOST });
  if (!bare('pin', again)) return t('pin.why.again');
  return bare('pin', again) === digits ? '' : t('pin.why.differs');
}

function SetPin({ proofs, onProofs, onBack, onUp }: PartProps & { onUp: () => void }) {
  const [pin, setPin] = useState('');
  const [again, setAgain] = useState('');
  const touch = useTouch('pin');
  const { least } = proofs.pin;
  const why = pinLacks(pin, again, least);
  const { problem } = touch;
  const set = () =>
    touch.run(async (proof) => {
      onProofs(await post<Proofs>('/api/proofs/pin', { proof, pin: bare('pin', pin) }));
      onBack(t('pin.done.note'));
    });
  const typed = (put: (v: string) => void) => (v: string) => (put(v), touch.clear());
  const refused = problem?.code.startsWith('proof.pin') ?? false;
  return (
    <TouchForm
      title={t(proofs.pin.held ? 'pin.change' : 'pin.set')}
      up={onUp}
      kind="plain set-up"
      icon="pin"
      lead={t('pin.lead')}
      touch={touch}
      why={why}
      label={t('pin.go')}
      doing={t('wait.passkey')}
      mended={refused}
      onSubmit={set}
    >
      <Field name="pin" label={t('pin.new')} hint={t('pin.new.sub', { n: least, most: PIN_MOST })} value={pin} onInput={typed(setPin)} autocomplete="off" secret inputMode="numeric" maxLength={24} invalid={refused} />
      <Field name="pin-again" label={t('pin.again')} value={again} onInput={typed(setAgain)} autocomplete="off" secret inputMode="numeric" maxLength={24} />
    </TouchForm>
  );
}
