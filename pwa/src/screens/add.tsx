// Add a passkey: on this device, or on another one by a code.
import { useState } from 'preact/hooks';
import type { Invite, Passkey } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { post } from '../lib/api';
import { useCeremony } from '../lib/ceremony';
import { thisDevice } from '../lib/device';
import { clock } from '../lib/format';
import { go } from '../lib/router';
import { refresh } from '../lib/session';
import { stepUp } from '../lib/stepup';
import { create } from '../lib/webauthn';
import { Trouble } from '../ui/help';
import { Icon } from '../ui/icons';
import { Button, Copy, Field, Row, Rows, Screen } from '../ui/kit';
import { Qr } from '../ui/qr';
import { leaveNote } from './passkeys';

type Where = 'here' | 'other';

export function AddPasskey() {
  const [where, setWhere] = useState<Where | null>(null);
  const [proof, setProof] = useState('');
  const [invite, setInvite] = useState<Invite | null>(null);
  if (invite) return <Link invite={invite} />;
  if (where === 'here' && proof) return <Here proof={proof} onAgain={() => setProof('')} />;
  if (where) return <Confirm where={where} onBack={() => setWhere(null)} onProof={setProof} onInvite={setInvite} />;
  const pc = thisDevice().system === 'pc';
  return (
    <Screen title={t('add.title')} up="/passkeys">
      <p class="lead">{t('add.lead')}</p>
      <Rows>
        <Row icon={pc ? 'phone' : 'laptop'} title={t('add.other')} sub={t('add.other.sub')} onClick={() => setWhere('other')} />
        <Row icon={pc ? 'laptop' : 'phone'} title={t('add.here')} sub={t('add.here.sub')} onClick={() => setWhere('here')} />
      </Rows>
    </Screen>
  );
}

interface ConfirmProps {
  where: Where;
  onBack: () => void;
  onProof: (proof: string) => void;
  onInvite: (invite: Invite) => void;
}

function Confirm({ where, onBack, onProof, onInvite }: ConfirmProps) {
  const ceremony = useCeremony('/api/step-up/begin', { purpose: 'add-passkey' });
  const act = useAct();
  const touch = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const proof = await stepUp(c);
        if (where === 'here') onProof(proof);
        else onInvite(await post<Invite>('/api/passkeys/invite', { proof }));
      }),
    );
  return (
    <Screen title={t(where === 'here' ? 'add.here' : 'add.other')} up={onBack} kind="plain" key={where}>
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t('add.prove')}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
          {t('add.prove.go')}
        </Button>
      </div>
    </Screen>
  );
}

function Here({ proof, onAgain }: { proof: string; onAgain: () => void }) {
  const ceremony = useCeremony('/api/passkeys/begin', { proof });
  const act = useAct();
  const [name, setName] = useState(t(thisDevice().name));
  const make = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await create(c);
        const made = await post<Passkey>('/api/passkeys/finish', { token: c.token, name: name.trim() || t(thisDevice().name), credential });
        leaveNote(t('add.done', { name: made.name }));
        void refresh();
        go('/passkeys', { replace: true });
      }),
    );
  return (
    <Screen title={t('add.here')} up="/passkeys" kind="plain" key="make">
      <p class="lead">{t('add.here.lead')}</p>
      <Field name="device" label={t('enrol.name')} hint={t('enrol.name.sub')} value={name} onInput={setName} autocomplete="off" maxLength={64} />
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        {act.problem?.code.startsWith('passkey.already') ? (
          <Button onClick={() => go('/passkeys', { replace: true })}>{t('add.back')}</Button>
        ) : act.problem?.code.startsWith('proof.') ? (
          <Button onClick={onAgain}>{t('add.prove.go')}</Button>
        ) : (
          <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void make()}>
            {t('add.here.go')}
          </Button>
        )}
      </div>
    </Screen>
  );
}

function Link({ invite }: { invite: Invite }) {
  return (
    <Screen title={t('add.link')} up="/passkeys" kind="plain" key="link">
      <Qr path={invite.qr} size={invite.qrSize} />
      <p class="lead">{t('add.link.sub', { time: clock(invite.expires) })}</p>
      <Copy text={invite.link} label={t('enrol.copy')} />
      <div class="dock">
        <Button weight="second" onClick={() => go('/passkeys', { replace: true })}>
          {t('add.back')}
        </Button>
      </div>
    </Screen>
  );
}
