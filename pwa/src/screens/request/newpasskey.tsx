// A new passkey by a request: the phone is lost or new. The old ones go with the same
// touch, unless the person keeps them.
import { useState } from 'preact/hooks';
import type { Request } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { thisDevice } from '../../lib/device';
import { moment } from '../../lib/format';
import { refresh, session } from '../../lib/session';
import { create, support } from '../../lib/webauthn';
import { NoPasskeys } from '../../ui/blocked';
import { Trouble } from '../../ui/help';
import { Button, Field, Screen } from '../../ui/kit';
import { Approved } from './approved';

export interface NewPasskeyProps {
  request: Request;
  onRequest: (r: Request) => void;
}

export function NewPasskey({ request, onRequest }: NewPasskeyProps) {
  const path = `/api/requests/${encodeURIComponent(request.id)}/passkey`;
  const able = support();
  const ceremony = useCeremony(able === 'yes' ? `${path}/begin` : null);
  const act = useAct();
  const [name, setName] = useState(t(thisDevice().name));
  const [remove, setRemove] = useState(true);
  const others = (session.use().me?.passkeys ?? 0) > 0;
  const make = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await create(c);
        onRequest(await post<Request>(`${path}/finish`, { token: c.token, name: name.trim() || t(thisDevice().name), credential, removeOthers: others && remove }));
        void refresh();
      }),
    );
  if (able !== 'yes')
    return (
      <Screen title={t('prove.title.enrol')} up="/account" kind="plain">
        <NoPasskeys reason={able} />
      </Screen>
    );
  return (
    <Screen title={t('prove.title.enrol')} up="/account" kind="plain" key="make">
      <p class="lead">{t('npk.lead')}</p>
      <Approved request={request} />
      <Field name="device" label={t('enrol.name')} hint={t('enrol.name.sub')} value={name} onInput={setName} autocomplete="off" maxLength={64} />
      {others && (
        <label class="tick">
          <input type="checkbox" checked={remove} onChange={(e) => setRemove(e.currentTarget.checked)} />
          <span>
            {t('npk.remove')}
            <small>{t(remove ? 'npk.remove.sub' : 'npk.remove.off')}</small>
          </span>
        </label>
      )}
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <p class="hint">{request.deadline && !request.review && t('pw.open', { time: moment(request.deadline) })}</p>
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void make()}>
          {t('enrol.passkey.go')}
        </Button>
      </div>
    </Screen>
  );
}
